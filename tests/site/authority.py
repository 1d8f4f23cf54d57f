"""A certificate authority of the site, as an administrator makes one with openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """A certificate authority, whose certificate is in C(certificate)."""

    def __init__(self, directory: Path) -> None:
        self._directory, self.certificate = directory, directory / "ca.pem"
        extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        options = [word for extension in extensions for word in ("-addext", extension)]
        openssl("req", "-x509", *EC, "-days", "30", "-subj", "/CN=Example Site CA", *options, "-keyout", self._key,
                "-out", self.certificate)  # fmt: skip

    @property
    def _key(self) -> Path:
        return self._directory / "ca.key"

    def issue(self, *names: str, days: int = 10) -> str:
        """Return a certificate with its key, in PEM, that is valid for these names, such as DNS:eda.example.org."""
        key, request, made = (self._directory / f"listener.{kind}" for kind in ("key", "csr", "crt"))
        extensions = self._directory / "extensions"
        extensions.write_text(f"subjectAltName={','.join(names)}\nextendedKeyUsage=serverAuth\n", encoding="ascii")
        openssl("req", *EC, "-subj", "/CN=listener", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                "-days", str(days), "-extfile", extensions, "-out", made)  # fmt: skip
        return key.read_text(encoding="ascii") + made.read_text(encoding="ascii")


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
