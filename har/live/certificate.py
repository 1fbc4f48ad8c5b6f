"""A certificate that the server makes for itself: browsers give motion sensors to secure pages only."""

import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_config_path

from har.run.folder import atomic_writer

_APPLICATION = "har-language"
_VALID_DAYS = 365  # browsers refuse what is valid for more than 398 days
_RENEWED_BEFORE_DAYS = 14


class Certificate(NamedTuple):
    """Files in PEM. fingerprint: SHA-256 of the certificate as browsers show it, ``AB:CD:…``."""

    certificate: Path
    key: Path
    fingerprint: str
    made: bool


def config_folder() -> Path:
    """Where certificates are kept: the user's folder for settings."""
    return user_config_path(_APPLICATION) / "live"


def certificate_for(names: Sequence[str], folder: Path) -> Certificate:
    """The certificate kept in ``folder``, made anew where there is none, its names are others, or it runs out.

    names: host names and addresses, all of which it is for. The private key is for its owner to read alone (0600). A
    kept one whose key does not fit or cannot be read is replaced. Raises ``OSError`` where the folder takes no file.
    """
    path, key = folder / "certificate.pem", folder / "key.pem"
    kept = _kept(path, key, names)
    if kept is not None:
        return Certificate(path, key, kept, made=False)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate_pem, key_pem, fingerprint = _make(names)
    _write(key, key_pem, 0o600)
    _write(path, certificate_pem, 0o644)
    return Certificate(path, key, fingerprint, made=True)


def _kept(path: Path, key: Path, names: Sequence[str]) -> str | None:
    """The fingerprint of a certificate that can still be used, else None."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (FileNotFoundError, ValueError, TypeError, x509.ExtensionNotFound):
        return None
    same = set(alternatives) == set(_general_names(names)) and private.public_key() == found.public_key()
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    if not same or left < datetime.timedelta(days=_RENEWED_BEFORE_DAYS):
        return None
    key.chmod(0o600)
    return _fingerprint(found)


def _make(names: Sequence[str]) -> tuple[bytes, bytes, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{_APPLICATION} live")])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks of phones differ.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    key_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM), key_pem, _fingerprint(made)


def _general_names(names: Sequence[str]) -> list:
    from cryptography import x509

    found = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _fingerprint(certificate) -> str:
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _write(path: Path, content: bytes, mode: int) -> None:
    with atomic_writer(path) as temporary:
        # Nobody else may read it at any time, under its temporary name included.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
