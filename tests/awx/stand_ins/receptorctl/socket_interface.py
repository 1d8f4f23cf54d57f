"""Instead of Receptor, for AWX in the tests: a unit of work is an ansible-runner on this machine."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import uuid
from typing import IO, Any, Union

_UNITS: dict[str, tuple[subprocess.Popen[bytes], socket.socket]] = {}


class ReceptorControl:
    """What AWX calls. The units are those of the process that submitted them."""

    def __init__(self, *_arguments: object, **_options: object) -> None:
        pass

    def simple_command(self, command: str) -> dict[str, Any]:
        """Answer a command of Receptor's control service."""
        match command.split():
            case ["status"]:
                return {"Advertisements": [{"NodeID": "awx", "ConnType": 0}], "KnownConnectionCosts": {}}
            case ["work", "status", unit]:
                status = _UNITS[unit][0].poll()
                name = "Running" if status is None else "Failed" if status else "Succeeded"
                return {"StateName": name, "Detail": "", "StdoutSize": 0, "ExtraData": None}
            case ["work", "cancel", unit]:
                _UNITS[unit][0].terminate()
                return {"cancelled": unit}
            case ["work", "release", unit]:
                process, results = _UNITS.pop(unit)
                results.close()
                process.wait()
                return {"released": unit}
        return {}

    def submit_work(
        self, worktype: str, payload: Union[str, IO[bytes]], params: dict[str, str], **_options: object
    ) -> dict[str, str]:
        """Start ansible-runner worker, which reads its work from the payload."""
        assert worktype in ("local", "ansible-runner"), worktype
        results, output = socket.socketpair()
        command = ["ansible-runner", "worker", *params["params"].split()]
        with tempfile.TemporaryFile() as source:
            # AWX closes the payload when this returns.
            source.write(payload.encode() if isinstance(payload, str) else payload.read())
            source.seek(0)
            process = subprocess.Popen(command, stdin=source, stdout=output.fileno(), start_new_session=True)
        output.close()
        unit = uuid.uuid4().hex[:8]
        _UNITS[unit] = process, results
        return {"unitid": unit}

    def get_work_results(
        self, unit: str, return_socket: bool = False, return_sockfile: bool = True, **_: object
    ) -> Any:
        results = _UNITS[unit][1]
        file = results.makefile("rb")
        return (results, file) if return_socket and return_sockfile else file

    def close(self) -> None:
        """Nothing is open."""
