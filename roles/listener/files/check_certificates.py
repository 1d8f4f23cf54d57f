"""Check the files of TLS that the rulebook's variables name, as the user of the service, and as its clients will.

    check_certificates.py FILES ADDRESS

FILES is a JSON object of those that are set of hpc_slurm_certfile, hpc_slurm_keyfile, hpc_slurm_cafile,
hpc_slurm_ca_file and hpc_slurm_client_certfile. ADDRESS is the address of the listener as the controllers have it.
Prints what is wrong and what to do, and ends with status 1.
"""

from __future__ import annotations

import json
import os
import pwd
import ssl
import stat
import sys
from pathlib import Path
from typing import Optional
from urllib.parse import urlsplit


def unreadable(name: str, path: Path) -> Optional[str]:
    """Return why this user cannot read a file, and the commands that change it, or None."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK):
            return f"{name}: {user} cannot enter the folder {folder}. Run: chmod o+x {folder}"
    if os.access(path, os.R_OK):
        return None
    found = path.stat()
    return (
        f"{name}: {user} cannot read {path}, which has the mode {stat.S_IMODE(found.st_mode):04o}. "
        f"Run: chgrp {user} {path} && chmod g+r {path}"
    )


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> ssl.SSLObject:
    """Connect the two in memory, and return the client's side.

    :raises ssl.SSLError: as a client would get it.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = server.wrap_bio(to_server, to_client, server_side=True)
    here = client.wrap_bio(to_client, to_server, server_hostname=host)
    for _round in range(10):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return here


def names_of(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> str:
    """Return for which names a certificate is valid, as the client trusts it."""
    client.check_hostname = False
    certificate = handshake(server, client, host).getpeercert() or {}
    client.check_hostname = True
    return ", ".join(f"{kind} {value}" for kind, value in certificate.get("subjectAltName", ())) or "no name at all"


def refused(files: dict[str, str], address: str) -> Optional[str]:
    """Return why a controller would not accept the certificate, and what to do, or None."""
    certfile, host = files["hpc_slurm_certfile"], urlsplit(address).hostname or ""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(certfile, files.get("hpc_slurm_keyfile"))
    except ssl.SSLError as error:
        key = "hpc_slurm_keyfile" if "hpc_slurm_keyfile" in files else "the same file, as hpc_slurm_keyfile is not set"
        return f"hpc_slurm_certfile: {certfile} is not a certificate in PEM with its private key in {key}: {error}"
    client, names = ssl.create_default_context(cafile=files.get("hpc_slurm_ca_file")), ""
    try:
        names = names_of(server, client, host)
        handshake(server, client, host)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == 62 or "match" in error.verify_message:  # X509_V_ERR_HOSTNAME_MISMATCH
            return (
                f"hpc_slurm_certfile: {certfile} is not valid for {host}, by which the controllers reach the listener "
                f"({address}). It is valid for: {names}. Set hpc_slurm_url to an address with one of these names, "
                f"or have a certificate made for {host}"
            )
        return f"hpc_slurm_certfile: {certfile} is refused: {error.verify_message}. {advice(files, error)}"
    return None


def advice(files: dict[str, str], error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == 10:  # X509_V_ERR_CERT_HAS_EXPIRED
        return "Have it renewed"
    if "hpc_slurm_ca_file" in files:
        return f"hpc_slurm_ca_file, {files['hpc_slurm_ca_file']}, must have the certificate authority that issued it"
    return "Set hpc_slurm_ca_file to the certificate authority that issued it"


def main() -> int:
    files, address = json.loads(sys.argv[1]), sys.argv[2]
    problems = [problem for name in files if (problem := unreadable(name, Path(files[name])))]
    if not problems and "hpc_slurm_certfile" in files and (problem := refused(files, address)):
        problems = [problem]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
