/* Copyright (c) 2026, hpc.slurm developers
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Asks the listener for its status every two seconds and shows it. Whatever comes from outside goes in as text.
 */
"use strict";

const POLL_MS = 2000;
// A listener that answers later than this counts as one that does not answer.
const ANSWER_MS = 5000;
// Each refused request is counted by the listener, and may raise an alarm.
const REFUSED_POLL_MS = 30000;
// One lost packet is no news.
const MISSES_BEFORE_LOST = 2;
const ROWS_AT_FIRST = 20;
// Of many nodes with one trouble, so many are shown: another trouble shall not be hidden behind them.
const ALIKE_AT_FIRST = 3;
const LONGEST_TEXT = 400;
const LONGEST_NOTE = 60;
// Nodes that left service within this many seconds are what an alarm is about.
const FRESH = 600;
// A screen reader hears of changes, and not more often than this.
const ANNOUNCE_MS = 10000;

const SVG = "http://www.w3.org/2000/svg";
const MARKS = {
  good: "M6 12.5l4 4 8-9",
  warn: "M12 6v7.5M12 17v.6",
  bad: "M7.5 7.5l9 9M16.5 7.5l-9 9",
  lost: "M9 9.2a3.1 3.1 0 1 1 4.4 2.8c-.9.5-1.4 1-1.4 2.2M12 17.6v.4",
  asking: "M7 12h.1M12 12h.1M17 12h.1",
};
const ICON_COLOURS = { good: "#1a7f4b", warn: "#c77700", bad: "#c8302a", lost: "#c8302a", asking: "#6b7785" };
const TITLE_MARKS = { good: "\u2713", warn: "\u25b2", bad: "\u2715", lost: "?", asking: "\u2026" };
const STATE_LEVELS = new Map([
  ["down", "bad"], ["fail", "bad"], ["failing", "bad"], ["drained", "warn"], ["draining", "warn"],
]);
const OUTCOME_LEVELS = new Map([["taken", "good"], ["waiting", "warn"], ["set aside", "bad"], ["nothing new", "none"]]);

const byId = (id) => document.getElementById(id);

// The state of the page: the last good answer, when it came, and how asking goes since.
const page = {
  status: null,
  answeredAt: 0,
  misses: 0,
  problem: "",
  refused: 0,
  asking: false,
  timer: 0,
  rowsShown: { nodes: ROWS_AT_FIRST, events: ROWS_AT_FIRST },
  unfolded: new Set(),
  announced: { key: "", at: 0 },
};

// ---- Asking.

async function ask() {
  clearTimeout(page.timer);
  if (page.asking) {
    return;
  }
  page.asking = true;
  try {
    await askOnce();
  } finally {
    // Whatever happened: a page that has stopped asking looks like a listener with no news.
    page.asking = false;
    page.timer = setTimeout(ask, page.refused ? REFUSED_POLL_MS : POLL_MS);
  }
}

async function askOnce() {
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
  // A name and password in the page's own address would make the browser refuse to ask.
  const address = new URL("status", location.href);
  address.username = "";
  address.password = "";
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), ANSWER_MS);
  let answer;
  let text;
  try {
    answer = await fetch(address, { cache: "no-store", redirect: "error", signal: limit.signal });
    text = await answer.text();
  } catch (error) {
    throw new Error(limit.signal.aborted ? `no answer within ${ANSWER_MS / 1000} s` : "no connection");
  } finally {
    clearTimeout(timer);
  }
  if (!answer.ok) {
    const problem = new Error(`it answered with the HTTP status ${answer.status}`);
    problem.refused = answer.status === 401 || answer.status === 403 ? answer.status : 0;
    throw problem;
  }
  try {
    return read(JSON.parse(text));
  } catch (error) {
    throw new Error("its answer cannot be understood");
  }
}

// ---- Reading: what is missing or of another type becomes something that can be shown.

const number = (value) => (Number.isFinite(value) ? value : null);
// Further away there is no date.
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
  const nodes = list(json.nodes).map(object).map(readNode);
  return {
    cluster: string(json.cluster),
    now,
    upSince: epoch(json.up_since),
    healthy: json.health.status === "ok",
    reasons: list(json.health.reasons).map(string),
    inbox: { waiting: number(inbox.waiting) || 0, oldest: number(inbox.oldest_seconds), aside: number(inbox.set_aside) || 0 },
    sync: { last: epoch(sync.last), interval: number(sync.interval) || 0, nodes: number(sync.nodes) },
    triggers: list(json.triggers).map(object).map((trigger) => ({
      id: string(trigger.id), event: string(trigger.event), permanent: trigger.permanent === true,
    })),
    nodes: nodes.sort((one, other) => (other.since || 0) - (one.since || 0) || compareNames(one.name, other.name)),
    notWell: number(json.nodes_not_well) ?? nodes.length,
    events: list(json.events).map(object).map(readEvent),
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

const readEvent = (event) => ({
  id: string(event.id),
  received: epoch(event.received),
  what: string(event.what),
  hostlist: string(event.hostlist),
  nodes: number(event.nodes) || 0,
  outcome: string(event.outcome),
  detail: string(event.detail),
});

const compareNames = new Intl.Collator("en", { numeric: true }).compare;

// ---- Words.

// What would turn the text around, hide parts of it, or is no letter at all, is shown as a replacement character.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

function clip(text, longest = LONGEST_TEXT) {
  const cut = text.length > longest ? `${text.slice(0, longest)}\u2026` : text;
  return cut.replace(/\s/g, " ").replace(UNSEEN, "\ufffd");
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

// The listener's clock, not the browser's: one that is wrong makes no node down for an hour.
const now = () => (page.status ? page.status.now + (performance.now() - page.answeredAt) / 1000 : Date.now() / 1000);

// ---- Small parts of the document. They touch it only where something has changed, so that what somebody has marked
// stays marked, and a screen reader is not disturbed.

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
    put(first, "not known");
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

// Make the rows of a table those of the items, keeping the rows of items that were there before.
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

// ---- The three tables.

// The rows of the list of nodes: nodes, newest trouble first, and what stands for those that are folded away.
function foldNodes(nodes) {
  const troubles = new Map();
  nodes.forEach((node) => {
    // One that flaps is a trouble of another kind.
    const trouble = JSON.stringify([node.states, node.reason, node.user, node.flaps > 1]);
    if (!troubles.has(trouble)) {
      troubles.set(trouble, []);
    }
    troubles.get(trouble).push(node);
  });
  return [...troubles].flatMap(([trouble, alike]) => {
    const rest = alike.length - ALIKE_AT_FIRST;
    if (rest < 2) {
      return alike;
    }
    const open = page.unfolded.has(trouble);
    return [...(open ? alike : alike.slice(0, ALIKE_AT_FIRST)), { fold: trouble, rest, open, like: alike[0] }];
  });
}

function makeFoldRow() {
  const [element, [cell]] = makeCells("");
  element.className = "fold";
  cell.colSpan = 5;
  const button = cell.appendChild(make("button"));
  button.type = "button";
  let trouble;
  button.addEventListener("click", () => {
    if (!page.unfolded.delete(trouble)) {
      page.unfolded.add(trouble);
    }
    show();
  });
  return {
    element,
    update(item) {
      trouble = item.fold;
      const why = [item.like.states.join(", "), item.like.reason].filter(Boolean).join(": ");
      put(button, `${item.open ? "Fold away" : "Show"} ${count(item.rest)} more like ${clip(item.like.name, LONGEST_NOTE)} (${clip(why, LONGEST_NOTE)})`);
      button.setAttribute("aria-expanded", String(item.open));
    },
  };
}

function makeNodeRow() {
  const [element, [name, states, since, why, flaps]] = makeCells("name", "", "", "", "number");
  const badges = states.appendChild(make("span", "badges"));
  const time = since.appendChild(makeTime());
  const reason = why.appendChild(make("span"));
  why.append(" ");
  const user = why.appendChild(make("span", "second"));
  return {
    element,
    update(node) {
      put(name, clip(node.name));
      putBadges(badges, node.states, (state) => STATE_LEVELS.get(state) || "none");
      putTime(time, node.since);
      put(reason, clip(node.reason) || "no reason given");
      reason.className = node.reason ? "" : "soft";
      put(user, node.user ? `by ${clip(node.user)}` : "");
      put(flaps, count(node.flaps));
      flaps.className = `number ${["never", "once"][node.flaps] || "often"}`;
    },
  };
}

function makeEventRow() {
  const [element, [received, what, nodes, became]] = makeCells("", "", "", "");
  const time = received.appendChild(makeTime());
  const kind = what.appendChild(make("span"));
  const id = what.appendChild(make("span", "second name"));
  const hostlist = nodes.appendChild(make("span", "name"));
  const many = nodes.appendChild(make("span", "second"));
  const outcome = became.appendChild(make("span", "badges"));
  const detail = became.appendChild(make("span", "second"));
  return {
    element,
    update(event) {
      putTime(time, event.received);
      put(kind, clip(event.what));
      // As much as finds it in the log; the whole is in the title.
      put(id, event.id.slice(0, 8));
      id.title = clip(event.id);
      put(hostlist, clip(event.hostlist));
      put(many, event.nodes > 1 ? plural(event.nodes, "node", "nodes") : "");
      putBadges(outcome, event.outcome ? [event.outcome] : [], (word) => OUTCOME_LEVELS.get(word) || "none");
      put(detail, clip(event.detail));
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
      put(after, trigger.permanent ? "stays armed" : "is used up");
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
  const cut = status.notWell > status.nodes.length;
  byId("nodes-cut").hidden = !cut;
  put(byId("nodes-cut"), cut ? `The listener names ${count(status.nodes.length)} of ${count(status.notWell)}.` : "");
}

function showEvents(status) {
  putRows(byId("events"), status.events.slice(0, page.rowsShown.events), (event) => event.id, makeEventRow);
  put(byId("events-note"), status.events.length ? `the last ${count(status.events.length)}, newest first` : "");
  putEmpty("events", status.events.length ? "" : "None yet.");
  putMore("events", status.events.length, "events");
}

function showTriggers(status) {
  putRows(byId("triggers"), status.triggers, (trigger) => trigger.id, makeTriggerRow);
  putEmpty("triggers", status.triggers.length ? "" : "None is armed: Slurm tells nothing, until the next sync arms them.");
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
  const total = status.sync.nodes === null ? "how many there are is not known yet" : `of ${count(status.sync.nodes)}`;
  putTile("nodes", status.notWell ? "warn" : "none", count(status.notWell), total);
  showInboxTile(status.inbox);
  showSyncTile(status.sync);
  const once = status.triggers.filter((trigger) => !trigger.permanent).length;
  const kinds = [...new Set(status.triggers.map((trigger) => trigger.event))].join(", ");
  const note = status.triggers.length ? clip(kinds, LONGEST_NOTE) + (once ? `; ${count(once)} used up when fired` : "") : "Slurm tells nothing";
  putTile("triggers", status.triggers.length ? "none" : "warn", count(status.triggers.length), note);
}

function showInboxTile(inbox) {
  const oldest = inbox.oldest === null ? 0 : inbox.oldest + (performance.now() - page.answeredAt) / 1000;
  const notes = [inbox.waiting ? `the oldest for ${span(oldest)}` : "the rules have taken all"];
  if (inbox.aside) {
    notes.push(`${count(inbox.aside)} set aside, see the log`);
  }
  const late = inbox.waiting && oldest >= 60;
  putTile("inbox", inbox.aside || late ? "warn" : "none", count(inbox.waiting), notes.join("; "));
}

function showSyncTile(sync) {
  const every = sync.interval ? `every ${span(sync.interval)}` : "not repeated";
  if (sync.last === null) {
    putTile("sync", "warn", "not yet", every);
    return;
  }
  const late = sync.interval > 0 && now() - sync.last > 3 * sync.interval;
  putTile("sync", late ? "bad" : "none", ago(sync.last), `${absolute(sync.last)}, ${every}`);
}

// ---- What is wrong, in one sentence.

function verdict(status) {
  if (page.refused) {
    return {
      level: "lost",
      headline: "The listener does not let this browser in",
      text: page.refused === 401
        ? "It wants a token: reload the page, and give the token as the password."
        : "This machine's address is not among those it allows.",
      reasons: [],
    };
  }
  if (page.misses >= MISSES_BEFORE_LOST || (page.misses && !status)) {
    return lost(status);
  }
  if (!status) {
    return { level: "asking", headline: "Asking the listener", text: "", reasons: [] };
  }
  const ill = status.notWell;
  const nodes = ill === 1 ? "1 node is not well" : `${count(ill)} nodes are not well`;
  if (!status.healthy) {
    const text = `What Slurm reports may come late.${ill ? ` ${nodes}.` : ""}`;
    return { level: "bad", headline: "The listener is failing", text, reasons: status.reasons };
  }
  if (ill) {
    return { level: "warn", headline: nodes, text: `The listener itself is well. ${newest(status)}`, reasons: status.reasons };
  }
  if (status.sync.last === null) {
    const text = "There was no sync yet, so nodes that failed earlier are not known.";
    return { level: "good", headline: "The listener is well", text, reasons: status.reasons };
  }
  return { level: "good", headline: "All is well", text: "The listener works, and no node is out of service.", reasons: status.reasons };
}

function newest(status) {
  const dated = status.nodes.filter((node) => node.since !== null);
  if (!dated.length) {
    return "";
  }
  const fresh = dated.filter((node) => now() - node.since < FRESH).length;
  const latest = `${clip(dated[0].name, LONGEST_NOTE)}, ${ago(dated[0].since)}`;
  return fresh > 1
    ? `${count(fresh)} left service in the last ${span(FRESH)}, the newest is ${latest}.`
    : `The newest is ${latest}.`;
}

function lost(status) {
  const old = status
    ? `What is below is as it was at ${absolute(status.now)}, ${ago(status.now)}. `
    : "";
  return {
    level: "lost",
    headline: "The listener does not answer",
    text: `${old}Does ansible-rulebook run? Slurm's triggers try again for four minutes; the next sync finds what they missed.`,
    reasons: [`Asked just now: ${page.problem}`],
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

// Only what matters, and not again and again: a node more or less is said at most every ten seconds.
function announce(found) {
  const key = `${found.level} ${page.status ? page.status.notWell : ""}`;
  const { announced } = page;
  const urgent = !announced.key.startsWith(`${found.level} `);
  if (found.level === "asking" || key === announced.key || (!urgent && performance.now() - announced.at < ANNOUNCE_MS)) {
    return;
  }
  page.announced = { key, at: performance.now() };
  put(byId("announcer"), [found.headline, ...found.reasons].join(". "));
}

// ---- The whole.

function showLink() {
  const link = byId("link");
  const { status, misses } = page;
  let [name, text] = ["asking", "Asking the listener"];
  if (page.refused || misses >= MISSES_BEFORE_LOST || (misses && !status)) {
    [name, text] = ["lost", status ? `No answer for ${span(now() - status.now)}, asking on` : "No answer, asking on"];
  } else if (misses) {
    [name, text] = ["late", "One answer is missing, asking again"];
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
  showEvents(status);
  showTriggers(status);
  showZone();
  put(byId("up"), status.upSince === null ? "" : `Listener up since ${absolute(status.upSince)} (${span(now() - status.upSince)})`);
  if (!page.misses) {
    beat();
  }
}

// Between two answers time goes on.
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
  ["nodes", "events"].forEach((name) => {
    byId(`${name}-more`).addEventListener("click", () => {
      page.rowsShown[name] = page.rowsShown[name] > ROWS_AT_FIRST ? ROWS_AT_FIRST : Infinity;
      show();
    });
  });
  // A browser lets the timers of a hidden page sleep.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      ask();
    }
  });
  setInterval(tick, 1000);
  ask();
}

start();
