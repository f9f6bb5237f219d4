from pathlib import Path

import dask
import pytest

from signflip.errors import SettingError
from signflip.many.dask_security import check_security

CA_FILE = "distributed.comm.tls.ca-file"
CERTIFICATE = "distributed.comm.tls.client.cert"


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "tcp://127.0.0.1:8786", "ws://[::1]:8786"])
def test_plain_addresses_need_no_settings(address: str) -> None:
    check_security(address)


@pytest.mark.parametrize("scheme", ["tls", "wss"])
def test_an_encrypted_address_needs_settings(scheme: str) -> None:
    message = f"{scheme}://host:8786 is an encrypted address, and Dask has no TLS settings here"
    with pytest.raises(SettingError, match=message):
        check_security(f"{scheme}://host:8786")


def test_half_of_the_settings_is_none() -> None:
    with dask.config.set({CERTIFICATE: "cert.pem"}), pytest.raises(SettingError, match="no TLS"):
        check_security("tls://host:8786")


def test_files_of_the_settings_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "no.pem"
    with dask.config.set({CA_FILE: str(file), CERTIFICATE: str(file)}):
        with pytest.raises(SettingError, match=r"cannot be used \(.*No such file"):
            check_security("tls://host:8786")
        file.write_text("no certificate")
        with pytest.raises(SettingError, match=r"Dask's TLS settings cannot be used \("):
            check_security("tls://host:8786")


def test_settings_that_require_encryption() -> None:
    required = dask.config.set({"distributed.comm.require-encryption": True})
    with required, pytest.raises(SettingError, match="tcp://host:8786 is not encrypted"):
        check_security("tcp://host:8786")


def test_a_protocol_that_is_missing() -> None:
    with pytest.raises(SettingError, match="asks for ucx, which this Dask does not have"):
        check_security("ucx://host:8786")


def test_settings_that_the_user_makes_himself() -> None:
    with dask.config.set({"distributed.client.security-loader": "a.function"}):
        check_security("tls://host:8786")
