"""Certificates for the servers and callers of a run, made by openssl: an authority `ca`, a
server's, the client alice's, and an authority `other` that nobody trusts."""

from __future__ import annotations

import subprocess
from pathlib import Path


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def _authority(folder: Path, name: str) -> None:
    _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "30", "-subj",
             f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def _issue(folder: Path, name: str, serial: int, common: str, extensions: str) -> None:
    _openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", common)
    (folder / f"{name}.ext").write_text(extensions)
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
             "-set_serial", str(serial), "-days", "30", "-out", f"{name}.crt",
             "-extfile", f"{name}.ext")


def make_certificates(folder: Path) -> None:
    """Fills the folder. Alice's certificate has no common name: the gateway refuses one."""
    _authority(folder, "ca")
    _authority(folder, "other")
    both = "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"
    _issue(folder, "server", 2, "/CN=server", both)
    _issue(folder, "alice", 3, "/O=alice", "extendedKeyUsage=clientAuth\n")
    _issue(folder, "named", 4, "/CN=named", "extendedKeyUsage=clientAuth\n")


def revoke(folder: Path, name: str, file: str) -> None:
    """A revocation list of the authority with this one certificate on it."""
    (folder / "index").write_text("")
    (folder / "number").write_text("01\n")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n"
        "default_crl_days=30\n")
    words = ["ca", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key"]
    _openssl(folder, *words, "-revoke", f"{name}.crt")
    _openssl(folder, *words, "-gencrl", "-out", file)
