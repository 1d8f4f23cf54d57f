/* Copyright (c) 2026, hpc.slurm developers
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests the listener's status every two seconds and shows it. Values from outside are only inserted as text.
 */
"use strict";

const POLL_MS = 2000;
// An answer that takes longer counts as none.
const TIMEOUT_MS = 5000;
// The listener counts refused requests, and an alert may fire.
const REFUSED_POLL_MS = 30000;
// A single lost request is not shown as a failure.
const MISSES_BEFORE_LOST = 2;
const ROWS_AT_FIRST = 20;
// Of many nodes with the same problem so many are shown, so that other problems stay visible.
const ALIKE_AT_FIRST = 3;
const LONGEST_TEXT = 400;
const LONGEST_NOTE = 60;
// Nodes that left service within this many seconds are named as recent.
const RECENT = 600;
// Screen readers announce changes at most this often.
const ANNOUNCE_MS = 10000;

const SVG = "http://www.w3.org/2000/svg";
const MARKS = {
  good: "M6 12.5l4 4 8-9",
  warn: "M12 6v7.5M12 17v.6",
  bad: "M7.5 7.5l9 9M16.5 7.5l-9 9",
  lost: "M9 9.2a3.1 3.1 0 1 1 4.4 2.8c-.9.5-1.4 1-1.4 2.2M12 17.6v.4",
  connecting: "M7 12h.1M12 12h.1M17 12h.1",
};
const ICON_COLOURS = { good: "#1a7f4b", warn: "#c77700", bad: "#c8302a", lost: "#c8302a", connecting: "#6b7785" };
const TITLE_MARKS = { good: "\u2713", warn: "\u25b2", bad: "\u2715", lost: "?", connecting: "\u2026" };
const STATE_LEVELS = new Map([
  ["down", "bad"], ["fail", "bad"], ["failing", "bad"], ["drained", "warn"], ["draining", "warn"],
]);
const OUTCOME_LEVELS = new Map([
  ["delivered", "good"], ["pending", "warn"], ["undeliverable", "bad"], ["unchanged", "none"], ["merged", "none"],
]);

const byId = (id) => document.getElementById(id);

// The state of the page: the last valid answer, when it was received, and the failed requests since.
const page = {
  status: null,
  answeredAt: 0,
  misses: 0,
  problem: "",
  refused: 0,
  polling: false,
  timer: 0,
  rowsShown: { nodes: ROWS_AT_FIRST, entries: ROWS_AT_FIRST },
  unfolded: new Set(),
  announced: { key: "", at: 0 },
};

// ---- Polling.

async function poll() {
  clearTimeout(page.timer);
  if (page.polling) {
    return;
  }
  page.polling = true;
  try {
    await pollOnce();
  } finally {
    // In any case: a page that does not poll any more looks like a listener without changes.
    page.polling = false;
    page.timer = setTimeout(poll, page.refused ? REFUSED_POLL_MS : POLL_MS);
  }
}

async function pollOnce() {
  try {
    page.status = await fetchStatus();
    page.answeredAt = performance.now();
    page.misses = 0;
    page.refused = 0;
    page.problem = "";
  } catch (error) {
    page.misses += 1;
    page.refused = error.refused || 0;
    page.problem = error.message;
  }
  show();
}

async function fetchStatus() {
  // The browser refuses requests to an address with a user name and password, which the page's own may have.
  const address = new URL("status", location.href);
  address.username = "";
  address.password = "";
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), TIMEOUT_MS);
  let answer;
  let text;
  try {
    answer = await fetch(address, { cache: "no-store", redirect: "error", signal: limit.signal });
    text = await answer.text();
  } catch (error) {
    throw new Error(limit.signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : "no connection");
  } finally {
    clearTimeout(timer);
  }
  if (!answer.ok) {
    const problem = new Error(`HTTP status ${answer.status}`);
    problem.refused = answer.status === 401 || answer.status === 403 ? answer.status : 0;
    throw problem;
  }
  try {
    return read(JSON.parse(text));
  } catch (error) {
    throw new Error("the answer is not a status");
  }
}

// ---- Reading: missing values and values of another type become something that can be shown.

const number = (value) => (Number.isFinite(value) ? value : null);
// JavaScript has no dates beyond this.
const epoch = (value) => (Number.isFinite(value) && Math.abs(value) < 8.64e12 ? value : null);
const string = (value) => (value === null || value === undefined ? "" : String(value));
const list = (value) => (Array.isArray(value) ? value : []);
const object = (value) => (value !== null && typeof value === "object" ? value : {});

function read(json) {
  const now = epoch(object(json).now);
  if (now === null || typeof object(object(json).health).status !== "string") {
    throw new Error("not a status");
  }
  const inbox = object(json.inbox);
  const sync = object(json.sync);
  const failure = object(sync.failure);
  const nodes = list(json.nodes).map(object).map(readNode);
  return {
    cluster: string(json.cluster),
    now,
    upSince: epoch(json.up_since),
    healthy: json.health.status === "ok",
    reasons: list(json.health.reasons).map(string),
    inbox: {
      pending: number(inbox.pending) || 0,
      oldest: number(inbox.oldest_seconds),
      undeliverable: number(inbox.undeliverable) || 0,
    },
    sync: {
      last: epoch(sync.last),
      interval: number(sync.interval) || 0,
      nodes: number(sync.nodes),
      failed: epoch(failure.time),
      error: string(failure.error),
    },
    triggers: list(json.triggers).map(object).map((trigger) => ({
      id: string(trigger.id), event: string(trigger.event), permanent: trigger.permanent === true,
    })),
    settings: list(json.settings).map(object).map((it) => ({ name: string(it.name), value: string(it.value) })),
    nodes: nodes.sort((one, other) => (other.since || 0) - (one.since || 0) || compareNames(one.name, other.name)),
    outOfService: number(json.nodes_out_of_service) ?? nodes.length,
    entries: list(json.entries).map(object).map(readEntry),
  };
}

const readNode = (node) => ({
  name: string(node.name),
  states: list(node.states).map(string),
  since: epoch(node.since),
  reason: string(node.reason),
  user: string(node.reason_user),
  flaps: number(node.flaps) || 0,
});

const readEntry = (entry) => ({
  id: string(entry.id),
  received: epoch(entry.received),
  summary: string(entry.summary),
  hostlist: string(entry.hostlist),
  nodes: number(entry.nodes) || 0,
  outcome: string(entry.outcome),
  // What the reactions to it did, once they have ended.
  detail: list(entry.reactions).map(object).map(readReaction).join("; ") || string(entry.detail),
});

const readReaction = (group) => `${string(group.decision)}: ${string(group.nodes)} (${string(group.why)})`;

const compareNames = new Intl.Collator("en", { numeric: true }).compare;

// ---- Texts.

// Characters that reverse or hide text, and control characters, are shown as a replacement character.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

function clip(text, longest = LONGEST_TEXT) {
  const cut = text.length > longest ? `${text.slice(0, longest)}\u2026` : text;
  return cut.replace(/\s/g, " ").replace(UNPRINTABLE, "\ufffd");
}

const count = (value) => value.toLocaleString("en-GB");
const plural = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;
const twoDigits = (value) => String(value).padStart(2, "0");

// A figure and its unit stay on one line.
function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (whole < 60) {
    return `${whole}\u00a0s`;
  }
  if (minutes < 60) {
    return `${minutes}\u00a0min`;
  }
  if (hours < 24) {
    return minutes % 60 && hours < 10 ? `${hours}\u00a0h ${minutes % 60}\u00a0min` : `${hours}\u00a0h`;
  }
  return hours % 24 && days < 10 ? `${days}\u00a0d ${hours % 24}\u00a0h` : `${count(days)}\u00a0d`;
}

const ago = (when) => (now() - when < 1.5 ? "just now" : `${span(now() - when)} ago`);

function day(date) {
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
}

function clock(date) {
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
}

function absolute(when) {
  const date = new Date(when * 1000);
  return day(date) === day(new Date(now() * 1000)) ? clock(date) : `${day(date)} ${clock(date)}`;
}

// The listener's clock: the browser's may be wrong, and nodes would seem down for an hour.
const now = () => (page.status ? page.status.now + (performance.now() - page.answeredAt) / 1000 : Date.now() / 1000);

// ---- Parts of the document. They change only what differs, so that a selection stays and screen readers are not
// disturbed.

function put(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function level(element, name) {
  if (element.dataset.level !== name) {
    element.dataset.level = name;
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) {
    element.className = className;
  }
  if (text !== undefined) {
    element.textContent = text;
  }
  return element;
}

function makeTime() {
  const time = make("time");
  time.append(make("span", "first"), " ", make("span", "second"));
  return time;
}

function putTime(time, when) {
  const [first, second] = time.children;
  if (when === null) {
    time.removeAttribute("datetime");
    put(first, "unknown");
    put(second, "");
    return;
  }
  const iso = new Date(when * 1000).toISOString();
  if (time.getAttribute("datetime") !== iso) {
    time.setAttribute("datetime", iso);
  }
  put(first, ago(when));
  put(second, absolute(when));
}

function putBadges(box, words, levelOf) {
  const wanted = words.map((word) => clip(word));
  while (box.children.length > wanted.length) {
    box.lastElementChild.remove();
  }
  wanted.forEach((word, index) => {
    const badge = box.children[index] || box.appendChild(make("span", "badge"));
    put(badge, word);
    level(badge, levelOf(word));
  });
}

// Make the rows of a table those of the items, and keep the rows of items that it already has.
function putRows(table, items, keyOf, makeRow) {
  const body = table.tBodies[0];
  const before = body.rowsByKey || new Map();
  const after = new Map();
  let place = body.firstElementChild;
  items.forEach((item, index) => {
    let key = keyOf(item);
    if (after.has(key)) {
      key = `${key}\u0000${index}`;
    }
    const row = before.get(key) || makeRow(item);
    before.delete(key);
    after.set(key, row);
    if (row.element === place) {
      place = place.nextElementSibling;
    } else {
      body.insertBefore(row.element, place);
    }
    row.update(item);
  });
  before.forEach((row) => row.element.remove());
  body.rowsByKey = after;
  table.hidden = items.length === 0;
}

function makeCells(...classNames) {
  const element = make("tr");
  element.setAttribute("role", "row");
  const cells = classNames.map((className) => {
    const cell = element.appendChild(make("td", className));
    cell.setAttribute("role", "cell");
    return cell;
  });
  return [element, cells];
}

// ---- The tables.

// The rows of the list of nodes: nodes, the latest first, and a fold row for nodes with the same problem.
function foldNodes(nodes) {
  const problems = new Map();
  nodes.forEach((node) => {
    // Flapping is another problem.
    const problem = JSON.stringify([node.states, node.reason, node.user, node.flaps > 1]);
    if (!problems.has(problem)) {
      problems.set(problem, []);
    }
    problems.get(problem).push(node);
  });
  return [...problems].flatMap(([problem, alike]) => {
    const rest = alike.length - ALIKE_AT_FIRST;
    if (rest < 2) {
      return alike;
    }
    const open = page.unfolded.has(problem);
    return [...(open ? alike : alike.slice(0, ALIKE_AT_FIRST)), { fold: problem, rest, open, like: alike[0] }];
  });
}

function makeFoldRow() {
  const [element, [cell]] = makeCells("");
  element.className = "fold";
  cell.colSpan = 5;
  const button = cell.appendChild(make("button"));
  button.type = "button";
  let problem;
  button.addEventListener("click", () => {
    if (!page.unfolded.delete(problem)) {
      page.unfolded.add(problem);
    }
    show();
  });
  return {
    element,
    update(item) {
      problem = item.fold;
      const problemText = [item.like.states.join(", "), item.like.reason].filter(Boolean).join(": ");
      put(button, `${item.open ? "Hide" : "Show"} ${count(item.rest)} more like ${clip(item.like.name, LONGEST_NOTE)} (${clip(problemText, LONGEST_NOTE)})`);
      button.setAttribute("aria-expanded", String(item.open));
    },
  };
}

function makeNodeRow() {
  const [element, [name, states, since, cause, flaps]] = makeCells("name", "", "", "", "number");
  const badges = states.appendChild(make("span", "badges"));
  const time = since.appendChild(makeTime());
  const reason = cause.appendChild(make("span"));
  cause.append(" ");
  const user = cause.appendChild(make("span", "second"));
  return {
    element,
    update(node) {
      put(name, clip(node.name));
      putBadges(badges, node.states, (state) => STATE_LEVELS.get(state) || "none");
      putTime(time, node.since);
      put(reason, clip(node.reason) || "no reason");
      reason.className = node.reason ? "" : "soft";
      put(user, node.user ? `by ${clip(node.user)}` : "");
      put(flaps, count(node.flaps));
      flaps.className = `number ${["never", "once"][node.flaps] || "often"}`;
    },
  };
}

function makeEntryRow() {
  const [element, [received, summary, nodes, result]] = makeCells("", "", "", "");
  const time = received.appendChild(makeTime());
  const kind = summary.appendChild(make("span"));
  const id = summary.appendChild(make("span", "second name"));
  const hostlist = nodes.appendChild(make("span", "name"));
  const many = nodes.appendChild(make("span", "second"));
  const outcome = result.appendChild(make("span", "badges"));
  const detail = result.appendChild(make("span", "second"));
  return {
    element,
    update(entry) {
      putTime(time, entry.received);
      put(kind, clip(entry.summary));
      // Enough to find it in the log; the title has all of it.
      put(id, entry.id.slice(0, 8));
      id.title = clip(entry.id);
      put(hostlist, clip(entry.hostlist));
      put(many, entry.nodes > 1 ? plural(entry.nodes, "node", "nodes") : "");
      putBadges(outcome, entry.outcome ? [entry.outcome] : [], (word) => OUTCOME_LEVELS.get(word) || "none");
      put(detail, clip(entry.detail));
    },
  };
}

function makeTriggerRow() {
  const [element, [id, event, after]] = makeCells("", "", "");
  return {
    element,
    update(trigger) {
      put(id, clip(trigger.id));
      put(event, clip(trigger.event));
      put(after, trigger.permanent ? "stays set" : "is removed");
    },
  };
}

function makeSettingRow() {
  const [element, [name, value]] = makeCells("", "");
  return {
    element,
    update(setting) {
      put(name, clip(setting.name));
      put(value, clip(setting.value));
    },
  };
}

function showNodes(status) {
  const all = page.rowsShown.nodes > ROWS_AT_FIRST;
  const rows = all ? status.nodes : foldNodes(status.nodes);
  const unfolded = rows.reduce((sum, row) => sum + (row.open ? row.rest : 0), 0);
  const shown = rows.slice(0, page.rowsShown.nodes + unfolded);
  const keyOf = (row) => (row.fold ? `fold ${row.fold}` : `node ${row.name}`);
  putRows(byId("nodes"), shown, keyOf, (row) => (row.fold ? makeFoldRow() : makeNodeRow()));
  const states = new Map();
  status.nodes.flatMap((node) => node.states).forEach((state) => states.set(state, (states.get(state) || 0) + 1));
  const sums = [...states].sort((one, other) => other[1] - one[1]).slice(0, 6);
  put(byId("nodes-states"), sums.map(([state, many]) => `${count(many)} ${clip(state, LONGEST_NOTE)}`).join(" \u00b7 "));
  putEmpty("nodes", status.nodes.length ? "" : "None. No node is down, drained, draining or failing.");
  putMore("nodes", status.nodes.length, "nodes");
  const cut = status.outOfService > status.nodes.length;
  byId("nodes-cut").hidden = !cut;
  put(byId("nodes-cut"), cut ? `The listener lists ${count(status.nodes.length)} of ${count(status.outOfService)}.` : "");
}

function showEntries(status) {
  putRows(byId("entries"), status.entries.slice(0, page.rowsShown.entries), (entry) => entry.id, makeEntryRow);
  put(byId("entries-note"), status.entries.length ? `the last ${count(status.entries.length)} entries, newest first` : "");
  putEmpty("entries", status.entries.length ? "" : "No entries yet.");
  putMore("entries", status.entries.length, "entries");
}

function showTriggers(status) {
  putRows(byId("triggers"), status.triggers, (trigger) => trigger.id, makeTriggerRow);
  putEmpty("triggers", status.triggers.length ? "" : "None: Slurm sends no notifications until the next sync sets triggers.");
  putRows(byId("settings"), status.settings, (setting) => setting.name, makeSettingRow);
  putEmpty("settings", status.settings.length ? "" : "Not known before the first sync.");
}

function putEmpty(name, text) {
  put(byId(`${name}-empty`), text);
  byId(`${name}-empty`).hidden = !text;
}

function putMore(name, all, what) {
  const button = byId(`${name}-more`);
  const open = page.rowsShown[name] > ROWS_AT_FIRST;
  button.hidden = all <= ROWS_AT_FIRST;
  button.setAttribute("aria-expanded", String(open));
  put(button, open ? "Show fewer" : `Show all ${count(all)} ${what}`);
}

// ---- The figures.

function putTile(name, tileLevel, value, note) {
  level(byId(`tile-${name}`), tileLevel);
  put(byId(`${name}-value`), value);
  put(byId(`${name}-note`), note);
}

function showTiles(status) {
  const total = status.sync.nodes === null ? "total not known yet" : `of ${count(status.sync.nodes)}`;
  putTile("nodes", status.outOfService ? "warn" : "none", count(status.outOfService), total);
  showInboxTile(status.inbox);
  showSyncTile(status.sync);
  const once = status.triggers.filter((trigger) => !trigger.permanent).length;
  const kinds = [...new Set(status.triggers.map((trigger) => trigger.event))].join(", ");
  const note = status.triggers.length ? clip(kinds, LONGEST_NOTE) + (once ? `; ${count(once)} removed when fired` : "") : "Slurm sends no notifications";
  putTile("triggers", status.triggers.length ? "none" : "warn", count(status.triggers.length), note);
}

function showInboxTile(inbox) {
  const oldest = inbox.oldest === null ? 0 : inbox.oldest + (performance.now() - page.answeredAt) / 1000;
  const notes = [inbox.pending ? `the oldest for ${span(oldest)}` : "everything is delivered"];
  if (inbox.undeliverable) {
    notes.push(`${plural(inbox.undeliverable, "event", "events")} undeliverable, see the log`);
  }
  const delayed = inbox.pending && oldest >= 60;
  putTile("inbox", inbox.undeliverable || delayed ? "warn" : "none", count(inbox.pending), notes.join("; "));
}

function showSyncTile(sync) {
  const every = sync.interval ? `every ${span(sync.interval)}` : "not repeated";
  if (sync.failed !== null) {
    const succeeded = sync.last === null ? "none has succeeded" : `the last success was ${ago(sync.last)}`;
    putTile("sync", "bad", `failed ${ago(sync.failed)}`, `${succeeded}, ${every}`);
    return;
  }
  if (sync.last === null) {
    putTile("sync", "warn", "not yet", every);
    return;
  }
  const overdue = sync.interval > 0 && now() - sync.last > 3 * sync.interval;
  putTile("sync", overdue ? "bad" : "none", ago(sync.last), `${absolute(sync.last)}, ${every}`);
}

// ---- The verdict: what is wrong, in one sentence.

function verdict(status) {
  if (page.refused) {
    return {
      level: "lost",
      headline: "The listener refuses this browser",
      text: page.refused === 401
        ? "It needs a token: reload the page, and enter the token as the password."
        : "This machine's address is not in allowed_networks.",
      reasons: [],
    };
  }
  if (page.misses >= MISSES_BEFORE_LOST || (page.misses && !status)) {
    return lost(status);
  }
  if (!status) {
    return { level: "connecting", headline: "Connecting to the listener", text: "", reasons: [] };
  }
  const out = status.outOfService;
  const nodes = `${plural(out, "node is", "nodes are")} out of service`;
  if (!status.healthy) {
    const text = `Events may be delayed.${out ? ` ${nodes}.` : ""}`;
    return { level: "bad", headline: "The listener is failing", text, reasons: status.reasons };
  }
  if (status.sync.failed !== null) {
    const text = `The listener works.${out ? ` ${nodes}.` : ""}`;
    return { level: "warn", headline: "The last sync failed", text, reasons: [status.sync.error] };
  }
  if (out) {
    return { level: "warn", headline: nodes, text: `The listener works. ${latestNode(status)}`, reasons: status.reasons };
  }
  if (status.sync.last === null) {
    const text = "There was no sync yet, so nodes that failed earlier are not known.";
    return { level: "good", headline: "The listener works", text, reasons: status.reasons };
  }
  return { level: "good", headline: "No problems", text: "The listener works, and no node is out of service.", reasons: status.reasons };
}

function latestNode(status) {
  const dated = status.nodes.filter((node) => node.since !== null);
  if (!dated.length) {
    return "";
  }
  const recent = dated.filter((node) => now() - node.since < RECENT).length;
  const latest = `${clip(dated[0].name, LONGEST_NOTE)}, ${ago(dated[0].since)}`;
  return recent > 1
    ? `${count(recent)} left service in the last ${span(RECENT)}, the latest is ${latest}.`
    : `The latest is ${latest}.`;
}

function lost(status) {
  const old = status
    ? `The data below is from ${absolute(status.now)}, ${ago(status.now)}. `
    : "";
  return {
    level: "lost",
    headline: "The listener does not answer",
    text: `${old}Is ansible-rulebook running? Triggers retry for four minutes; the next sync finds what they miss.`,
    reasons: [`Last request: ${page.problem}`],
  };
}

function showVerdict(found) {
  const changed = document.body.dataset.level !== found.level || !byId("mark").firstChild;
  level(document.body, found.level);
  put(byId("headline"), found.headline);
  put(byId("explanation"), found.text);
  const reasons = byId("reasons");
  const wanted = found.reasons.map((reason) => clip(reason));
  while (reasons.children.length > wanted.length) {
    reasons.lastElementChild.remove();
  }
  wanted.forEach((reason, index) => put(reasons.children[index] || reasons.appendChild(make("li")), reason));
  reasons.hidden = wanted.length === 0;
  if (changed) {
    byId("mark").replaceChildren(drawMark(found.level));
    byId("icon").href = icon(found.level);
  }
  const cluster = (page.status && page.status.cluster) || "Slurm";
  const title = `${TITLE_MARKS[found.level]} ${clip(cluster)}: ${found.headline}`;
  if (document.title !== title) {
    document.title = title;
  }
}

function drawMark(name) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  const disc = picture.appendChild(document.createElementNS(SVG, "circle"));
  Object.entries({ cx: "12", cy: "12", r: "11", fill: "currentColor" }).forEach(([key, value]) => disc.setAttribute(key, value));
  const sign = picture.appendChild(document.createElementNS(SVG, "path"));
  sign.setAttribute("d", MARKS[name]);
  sign.setAttribute("class", "sign");
  return picture;
}

function icon(name) {
  const markup = `<svg xmlns="${SVG}" viewBox="0 0 24 24"><circle cx="12" cy="12" r="12" fill="${ICON_COLOURS[name]}"/>`
    + `<path d="${MARKS[name]}" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(markup)}`;
}

// Only what matters, and not too often: a changed number of nodes at most every ten seconds.
function announce(found) {
  const key = `${found.level} ${page.status ? page.status.outOfService : ""}`;
  const { announced } = page;
  const urgent = !announced.key.startsWith(`${found.level} `);
  if (found.level === "connecting" || key === announced.key || (!urgent && performance.now() - announced.at < ANNOUNCE_MS)) {
    return;
  }
  page.announced = { key, at: performance.now() };
  put(byId("announcer"), [found.headline, ...found.reasons].join(". "));
}

// ---- The page.

function showLink() {
  const link = byId("link");
  const { status, misses } = page;
  let [name, text] = ["connecting", "Connecting to the listener"];
  if (page.refused || misses >= MISSES_BEFORE_LOST || (misses && !status)) {
    [name, text] = ["lost", status ? `No answer for ${span(now() - status.now)}, retrying` : "No answer, retrying"];
  } else if (misses) {
    [name, text] = ["retrying", "One request failed, retrying"];
  } else if (status) {
    [name, text] = ["live", `Live, ${clock(new Date(status.now * 1000))}`];
  }
  link.dataset.link = name;
  put(byId("link-text"), text);
}

function beat() {
  const dot = document.querySelector(".dot");
  dot.classList.remove("beat");
  requestAnimationFrame(() => dot.classList.add("beat"));
}

function showZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const minutes = -new Date().getTimezoneOffset();
  const offset = `${minutes < 0 ? "-" : "+"}${twoDigits(Math.floor(Math.abs(minutes) / 60))}:${twoDigits(Math.abs(minutes) % 60)}`;
  put(byId("zone"), `Times are ${timeZone || "local"} (UTC${offset}), by the listener's clock`);
}

function show() {
  const { status } = page;
  const found = verdict(status);
  showVerdict(found);
  announce(found);
  showLink();
  byId("data").hidden = !status;
  if (!status) {
    return;
  }
  put(byId("cluster"), clip(status.cluster) || "Slurm");
  showTiles(status);
  showNodes(status);
  showEntries(status);
  showTriggers(status);
  showZone();
  put(byId("up"), status.upSince === null ? "" : `Listener up since ${absolute(status.upSince)} (${span(now() - status.upSince)})`);
  if (!page.misses) {
    beat();
  }
}

// Update the ages between two answers.
function tick() {
  const found = verdict(page.status);
  put(byId("explanation"), found.text);
  showLink();
  if (!page.status) {
    return;
  }
  showTiles(page.status);
  document.querySelectorAll("time[datetime]").forEach((time) => {
    put(time.firstElementChild, ago(Date.parse(time.getAttribute("datetime")) / 1000));
  });
}

function start() {
  ["nodes", "entries"].forEach((name) => {
    byId(`${name}-more`).addEventListener("click", () => {
      page.rowsShown[name] = page.rowsShown[name] > ROWS_AT_FIRST ? ROWS_AT_FIRST : Infinity;
      show();
    });
  });
  // Browsers suspend the timers of a hidden page.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      poll();
    }
  });
  setInterval(tick, 1000);
  poll();
}

start();
