"""Dask's own settings of encryption, checked before it connects: it fails late, and at length."""

import dask
from distributed import Security
from distributed.comm.registry import get_backend

from signflip.errors import SettingError

_SETTINGS = (
    "distributed.comm.tls.ca-file, .client.cert and .client.key in ~/.config/dask/distributed.yaml"
    ", or DASK_DISTRIBUTED__COMM__TLS__CA_FILE, __CLIENT__CERT and __CLIENT__KEY in the environment"
)


def check_security(address: str) -> None:
    """Refuse an address that Dask's settings do not let a client talk to.

    Raises:
        SettingError: the address asks for encryption that the settings do not provide, or they ask
            for encryption that the address does not have; or it has a protocol that is missing.
    """
    if dask.config.get("distributed.client.security-loader"):
        return  # the settings are made by a function of the user's when Dask connects
    scheme, found, _ = address.rpartition("://")
    scheme = scheme if found else "tcp"
    security = Security()  # type: ignore[no-untyped-call]
    try:
        context = security.get_connection_args("client")["ssl_context"]  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:  # of the files, or what is in them: SSLError is one
        raise SettingError(
            f"Dask's TLS settings cannot be used ({error}); see to the files that they name: "
            f"{_SETTINGS}"
        ) from error
    if scheme in ("tls", "wss"):
        if context is None:
            raise SettingError(
                f"{address} is an encrypted address, and Dask has no TLS settings here; set "
                f"{_SETTINGS}, as for the scheduler"
            )
        return
    if security.require_encryption:
        raise SettingError(
            f"{address} is not encrypted, and Dask's settings here require it "
            "(distributed.comm.require-encryption); start the scheduler with TLS, and give its "
            "address: tls://HOST:PORT"
        )
    try:
        get_backend(scheme).get_connector()  # type: ignore[no-untyped-call]
    except (ImportError, TypeError, ValueError, Warning) as error:
        raise SettingError(
            f"the scheduler's address {address} asks for {scheme}, which this Dask does not have "
            f"({' '.join(str(error).split())}); give a tcp:// or tls:// address"
        ) from error
