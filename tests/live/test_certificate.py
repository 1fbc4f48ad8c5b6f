"""The server's own certificate: for which names, how long, who may read its key, and that it works."""

import datetime
import hashlib
import ipaddress
import ssl
import stat
from http.client import HTTPSConnection
from types import SimpleNamespace

import pytest
from cryptography import x509

from har.live import certificate as module
from har.live.certificate import certificate_for

NAMES = ["192.0.2.7", "2001:db8::7", "walker.local", "localhost", "127.0.0.1"]


def loaded(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_it_is_for_all_names_for_a_year_and_its_key_is_its_owners(tmp_path):
    made = certificate_for(NAMES, tmp_path / "live")
    assert made.made and stat.S_IMODE(made.key.stat().st_mode) == 0o600
    found = loaded(made.certificate)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["walker.local", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(NAMES[i]) for i in (0, 1, 4)]
    assert datetime.timedelta(360) < found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert found.not_valid_after_utc - found.not_valid_before_utc <= datetime.timedelta(398)
    der = ssl.PEM_cert_to_DER_cert(made.certificate.read_text())
    assert made.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert sorted(path.name for path in (tmp_path / "live").iterdir()) == ["certificate.pem", "key.pem"]


def test_it_is_kept_while_it_fits(tmp_path):
    first = certificate_for(NAMES, tmp_path)
    first.key.chmod(0o644)
    again = certificate_for(NAMES[::-1], tmp_path)
    assert not again.made and again.fingerprint == first.fingerprint
    assert stat.S_IMODE(again.key.stat().st_mode) == 0o600


@pytest.mark.parametrize("change", ["address", "damaged", "no key", "another key"])
def test_it_is_made_anew(tmp_path, change):
    first = certificate_for(NAMES, tmp_path)
    names = NAMES
    if change == "address":
        names = ["192.0.2.8", *NAMES[1:]]
    elif change == "damaged":
        first.certificate.write_text("nothing")
    elif change == "no key":
        first.key.unlink()
    else:
        first.key.write_bytes(certificate_for(NAMES, tmp_path / "other").key.read_bytes())
    again = certificate_for(names, tmp_path)
    assert again.made and again.fingerprint != first.fingerprint
    assert not certificate_for(names, tmp_path).made


def test_it_is_renewed_before_it_runs_out(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_VALID_DAYS", 13)
    assert certificate_for(NAMES, tmp_path).made and certificate_for(NAMES, tmp_path).made
    monkeypatch.setattr(module, "_VALID_DAYS", 15)
    assert certificate_for(NAMES, tmp_path).made and not certificate_for(NAMES, tmp_path).made


def test_a_client_that_trusts_it_is_served(serve_live, tmp_path):
    made = certificate_for(NAMES, tmp_path)
    live: SimpleNamespace = serve_live(certificate=made)
    trusting = ssl.create_default_context(cafile=made.certificate)
    connection = HTTPSConnection("127.0.0.1", live.port, timeout=10, context=trusting)
    connection.request("GET", f"/{live.token}/")
    answer = connection.getresponse()
    assert answer.status == 200 and f"wss://127.0.0.1:{live.port}" in answer.headers["content-security-policy"]
    connection.close()
    with pytest.raises(ssl.SSLCertVerificationError):
        HTTPSConnection("127.0.0.1", live.port, timeout=10).request("GET", "/")
