# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of the double of AWX, and what they may do: an administrator everything, others what their roles say."""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING, Optional

from awx_rules import Fields

if TYPE_CHECKING:
    from awx_double import Double

ADMIN = 0
PASSWORD = "password-of-the-lab"
ROLES = {"organizations": ("admin_role", "member_role"), "job_templates": ("admin_role", "execute_role")}


class ForbiddenError(Exception):
    """What AWX answers with the status 403."""


class Rights:
    """The tokens of users, and the members of the roles of each object."""

    def __init__(self, double: Double) -> None:
        self._double = double
        self._tokens: dict[str, int] = {}
        self._roles: dict[tuple[int, str], int] = {}
        self.members: dict[int, set[int]] = {}
        admin = {"id": ADMIN, "username": "admin", "password": PASSWORD, "is_superuser": True}
        double.objects["users"][ADMIN] = admin

    def new_token(self, user: int) -> str:
        token = uuid.uuid4().hex
        self._tokens[token] = user
        return token

    def user_of(self, header: str) -> Optional[int]:
        """Return the user of a header Authorization, or None."""
        kind, _space, value = header.partition(" ")
        if kind == "Bearer":
            return self._tokens.get(value)
        name, _colon, password = base64.b64decode(value).decode().partition(":")
        users = self._double.objects["users"].values()
        known = [it["id"] for it in users if (it["username"], it["password"]) == (name, password)]
        return known[0] if kind == "Basic" and known else None

    def add_roles(self, kind: str, number: int) -> None:
        """Make the roles of a new object, without members."""
        for name in ROLES.get(kind, ()):
            role = self._roles[number, name] = self._double.next_id()
            self.members[role] = set()

    def shown_roles(self, kind: str, number: int) -> Fields:
        return {name: {"id": self._roles[number, name]} for name in ROLES.get(kind, ())}

    def sees(self, user: int, kind: str, found: Fields) -> bool:
        """Return whether lists have an object for a user."""
        if self._double.objects["users"][user]["is_superuser"]:
            return True
        match kind:
            case "users":
                return bool(found["id"] == user)
            case "organizations":
                return self._has(user, found["id"], "member_role")
            case "labels":
                return self._has(user, found["organization"], "member_role")
            case "job_templates":
                return self._has(user, found["id"], "execute_role")
        return False

    def expect(self, user: int, method: str, path: list[str], body: Fields) -> None:
        """Raise ForbiddenError unless the user may send the request; lists have only what a user sees."""
        if self._double.objects["users"][user]["is_superuser"] or method == "GET":
            return
        match path:
            case ["job_templates", number, "launch"] if self._has(user, int(number), "execute_role"):
                return
            case ["labels"] if self._has(user, body["organization"], "member_role"):
                return
            case ["users", number, "personal_tokens"] if int(number) == user:
                return
        raise ForbiddenError

    def _has(self, user: int, number: int, role: str) -> bool:
        return user in self.members[self._roles[number, role]]
