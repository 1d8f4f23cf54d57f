# Copyright (c) 2026, hpc.slurm developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may talk to the listener, and how: TLS, client certificates and networks, on real sockets."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import urllib.parse

import pytest
import trustme

from ansible_collections.hpc.slurm.plugins.plugin_utils.trigger_listener.settings import Settings
from ansible_collections.hpc.slurm.tests.unit.listener import served


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Certificates as an administrator has them: the listener's, its authority, and one of somebody else's."""
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
        ({"keyfile": "key.pem"}, ["keyfile and cafile go with certfile"]),
        ({"cafile": "ca.pem"}, ["keyfile and cafile go with certfile"]),
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


@pytest.mark.parametrize("networks", ["nonsense", ["192.0.2.1/24"], ["127.0.0.1", ""], [{}]])
def test_networks_that_are_none(networks):
    with pytest.raises(ValueError, match="allowed_networks must be addresses or networks"):
        Settings.from_args({"allowed_networks": networks})


def test_what_is_open_to_the_network_wants_a_token_or_client_certificates(files):
    both, authority = str(files / "both.pem"), str(files / "ca.pem")
    with pytest.raises(ValueError, match="host 192.0.2.1 can be reached from other machines"):
        Settings.from_args({"host": "192.0.2.1", "certfile": both})
    settings = Settings.from_args({"host": "192.0.2.1", "certfile": both, "cafile": authority})
    assert urllib.parse.urlsplit(settings.url).scheme == "https"
    assert settings.allowed_networks == ()
    given = Settings.from_args({"allowed_networks": "192.0.2.0/24"})
    assert given.allowed_networks == (ipaddress.ip_network("192.0.2.0/24"),)
