# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS, client certificates and allowed networks, on real sockets."""

from __future__ import annotations

import http.client
import ipaddress
import logging
import ssl
import urllib.parse

import pytest
import trustme

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.settings import Settings
from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.configure.tls import Certificate
from ansible_collections.hpc.slurm.tests.unit.listener import served, wait_until


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Certificates: the listener's, its authority, a client's, and one of another authority."""
    folder = tmp_path_factory.mktemp("certificates")
    ours, theirs = trustme.CA(), trustme.CA()
    listener = ours.issue_cert("127.0.0.1", "localhost")
    listener.private_key_pem.write_to_path(folder / "key.pem")
    for number, blob in enumerate(listener.cert_chain_pems):
        blob.write_to_path(folder / "cert.pem", append=number > 0)
    listener.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    ours.cert_pem.write_to_path(folder / "ca.pem")
    ours.issue_cert("ctl").private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    theirs.issue_cert("ctl").private_key_and_cert_chain_pem.write_to_path(folder / "stranger.pem")
    (folder / "text.pem").write_text("no certificate", encoding="ascii")
    return folder


def post(listener, context):
    return listener.post(context=context).status


def client(files, certificate=None):
    context = ssl.create_default_context(cafile=files / "ca.pem")
    if certificate:
        context.load_cert_chain(files / certificate)
    return context


@pytest.mark.parametrize("names", [{"certfile": "cert.pem", "keyfile": "key.pem"}, {"certfile": "both.pem"}])
def test_tls(tmp_path, files, names):
    with served(tmp_path, **{name: str(files / file) for name, file in names.items()}) as listener:
        assert post(listener, client(files)) == 202
        with pytest.raises(ssl.SSLCertVerificationError):
            post(listener, ssl.create_default_context())
        with pytest.raises((http.client.HTTPException, OSError)):
            listener.post()
        assert post(listener, client(files)) == 202


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_nothing_older_than_tls_1_2(tmp_path, files):
    with served(tmp_path, certfile=str(files / "both.pem")) as listener:
        old, new = client(files), client(files)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            post(listener, old)
        new.minimum_version = new.maximum_version = ssl.TLSVersion.TLSv1_2
        assert post(listener, new) == 202


def test_client_certificates(tmp_path, files):
    args = {"certfile": str(files / "both.pem"), "cafile": str(files / "ca.pem")}
    with served(tmp_path, **args) as listener:
        assert post(listener, client(files, "client.pem")) == 202
        for certificate in (None, "stranger.pem"):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                post(listener, client(files, certificate))
        assert post(listener, client(files, "client.pem")) == 202


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"keyfile": "key.pem"}, ["keyfile and cafile need certfile"]),
        ({"cafile": "ca.pem"}, ["keyfile and cafile need certfile"]),
        ({"certfile": "nosuch.pem"}, ["certfile", "nosuch.pem", "No such file"]),
        ({"certfile": "text.pem"}, ["certfile", "text.pem", "cannot be used"]),
        ({"certfile": "cert.pem"}, ["certfile", "cert.pem", "cannot be used"]),
        ({"certfile": "both.pem", "cafile": "text.pem"}, ["cafile", "text.pem", "cannot be used"]),
        ({"certfile": "both.pem", "cafile": "nosuch.pem"}, ["cafile", "nosuch.pem", "No such file"]),
    ],
)
def test_files_that_cannot_be_used(files, args, words):
    with pytest.raises(ValueError) as caught:
        Settings.from_args({name: str(files / file) for name, file in args.items()})
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_key_with_a_password_is_refused_and_not_asked_for(files, tmp_path):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key((files / "key.pem").read_bytes(), None)
    kept = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "key.pem").write_bytes(kept)
    with pytest.raises(ValueError, match="the key has a password"):
        Settings.from_args({"certfile": str(files / "cert.pem"), "keyfile": str(tmp_path / "key.pem")})


# A certificate that is renewed.


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def pair(tmp_path, authority):
    """The arguments for a certificate and its key, which a test renews."""
    issue(authority, tmp_path)
    return {"certfile": str(tmp_path / "cert.pem"), "keyfile": str(tmp_path / "key.pem")}


@pytest.fixture
def logged(caplog):
    """Return what is logged, also in the server's thread."""
    logger = logging.getLogger("hpc.slurm.trigger_listener")
    caplog.set_level(logging.INFO)
    before, logger.propagate = logger.propagate, True
    yield lambda: [record.getMessage() for record in caplog.records if record.getMessage().startswith("certificate")]
    logger.propagate = before


def issue(authority, folder, kind=trustme.KeyType.ECDSA, parts=("key", "cert")):
    """Put a new certificate and its key in their places, or one of them only; return its text, and both."""
    made = authority.issue_cert("127.0.0.1", "localhost", key_type=kind)
    blobs = {"key": made.private_key_pem, "cert": made.cert_chain_pems[0]}
    for name in parts:
        blobs[name].write_to_path(folder / "partial.pem")
        (folder / "partial.pem").replace(folder / f"{name}.pem")
    return blobs["cert"].bytes().decode(), blobs


def shown(listener, name="127.0.0.1"):
    """Return the certificate that a new connection is shown; an address is no name that a client would tell."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with listener.connect() as sock, context.wrap_socket(sock, server_hostname=name) as wrapped:
        return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True))


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_renewed_certificate(tmp_path, authority, pair, logged, name):
    """Also of another key type: a context keeps one certificate for each, and would use the old one."""
    with served(tmp_path, **pair) as listener:
        for kind in (trustme.KeyType.RSA, trustme.KeyType.ECDSA, trustme.KeyType.ECDSA):
            issued, _blobs = issue(authority, tmp_path, kind)
            wait_until(lambda issued=issued: shown(listener, name) == issued, "the new certificate")
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        assert post(listener, client(tmp_path)) == 202
    assert "certificate reloaded" in logged()


def test_an_incomplete_renewal(tmp_path, authority, pair, logged):
    with served(tmp_path, **pair) as listener:
        before = shown(listener)
        issued, blobs = issue(authority, tmp_path, parts=("cert",))
        wait_until(lambda: logged() == ["certificate not reloaded"], "the attempt")
        assert shown(listener) == before
        blobs["key"].write_to_path(tmp_path / "partial.pem")
        (tmp_path / "partial.pem").replace(tmp_path / "key.pem")
        wait_until(lambda: shown(listener) == issued, "the new certificate")
    assert logged() == ["certificate not reloaded", "certificate reloaded"]


def test_clients_need_certificates_after_a_renewal(tmp_path, authority, pair):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("ctl").private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    trustme.CA().issue_cert("ctl").private_key_and_cert_chain_pem.write_to_path(tmp_path / "stranger.pem")
    with served(tmp_path, **pair, cafile=str(tmp_path / "ca.pem")) as listener:
        before = listener.settings.tls._newest
        issue(authority, tmp_path)
        wait_until(lambda: listener.settings.tls._newest is not before, "the new certificate")
        assert post(listener, client(tmp_path, "client.pem")) == 202
        for file in (None, "stranger.pem"):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                post(listener, client(tmp_path, file))


def test_an_invalid_certificate_is_logged_once_per_change(tmp_path, authority, pair, logged, caplog):
    certificate = Certificate(**pair)
    certificate.renew()
    assert logged() == []
    for count, content in enumerate(("no certificate", "nor this"), 1):
        (tmp_path / "cert.pem").write_text(content, encoding="ascii")
        for _number in range(3):
            certificate.renew()
        assert logged() == ["certificate not reloaded"] * count
    assert caplog.records[-1].levelno == logging.ERROR
    assert caplog.records[-1].facts["error"].startswith(f"certfile {pair['certfile']} with keyfile {pair['keyfile']}")
    issue(authority, tmp_path)
    for _number in range(3):
        certificate.renew()
    assert logged() == ["certificate not reloaded", "certificate not reloaded", "certificate reloaded"]


def test_a_certificate_that_could_not_be_read_is_tried_again(tmp_path, authority, pair, logged, monkeypatch):
    """No file changes when descriptors are available again."""
    certificate = Certificate(**pair)

    def fail(*_args, **_keys):
        raise OSError(24, "Too many open files")

    issue(authority, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(ssl.SSLContext, "load_cert_chain", fail)
        certificate.renew()
    certificate.renew()
    assert logged() == ["certificate not reloaded", "certificate reloaded"]


# Networks.


@pytest.mark.parametrize("networks", ["nonsense", ["192.0.2.1/24"], ["127.0.0.1", ""], [{}]])
def test_invalid_networks(networks):
    with pytest.raises(ValueError, match="allowed_networks must be addresses or networks"):
        Settings.from_args({"allowed_networks": networks})


def test_a_network_address_needs_a_token_or_client_certificates(files):
    both, authority = str(files / "both.pem"), str(files / "ca.pem")
    with pytest.raises(ValueError, match="host 192.0.2.1 can be reached from other machines"):
        Settings.from_args({"host": "192.0.2.1", "certfile": both})
    settings = Settings.from_args({"host": "192.0.2.1", "certfile": both, "cafile": authority})
    assert urllib.parse.urlsplit(settings.url).scheme == "https"
    assert settings.allowed_networks == ()
    given = Settings.from_args({"allowed_networks": "192.0.2.0/24"})
    assert given.allowed_networks == (ipaddress.ip_network("192.0.2.0/24"),)
