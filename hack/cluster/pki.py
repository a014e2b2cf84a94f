"""The node's certificates, made with openssl: valid for a month, for one life of the node."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DAYS: Final = "30"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority whose files are in one directory; its own are ca.crt and ca.key."""

    def __init__(self, directory: Path, name: str) -> None:
        """Make it.

        Raises:
            subprocess.CalledProcessError: openssl fails; it has said why.

        """
        directory.mkdir(parents=True)
        self._directory = directory
        extensions = (
            "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
        )
        self.own = self._certificate("ca", f"CN={name}", (*extensions, "subjectKeyIdentifier=hash"))

    def issue(self, file: str, name: str, *, group: str = "", names: tuple[str, ...] = ()) -> Pair:
        """Return a certificate for a client, in a group; with `names` such as DNS:localhost for a server, too."""
        extensions = (
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            "extendedKeyUsage=clientAuth" + (",serverAuth" if names else ""),
            "subjectKeyIdentifier=hash",
            "authorityKeyIdentifier=keyid",
            *((f"subjectAltName={','.join(names)}",) if names else ()),
        )
        subject = f"O={group}\nCN={name}" if group else f"CN={name}"
        signer = ("-CA", str(self.own.certificate), "-CAkey", str(self.own.key))
        return self._certificate(file, subject, extensions, *signer)

    def _certificate(self, file: str, subject: str, extensions: tuple[str, ...], *signer: str) -> Pair:
        pair = Pair(self._directory / f"{file}.crt", self._directory / f"{file}.key")
        configuration = self._directory / f"{file}.cnf"
        lines = ("[req]", "prompt=no", "distinguished_name=subject", "x509_extensions=extensions")
        text = "\n".join((*lines, "[subject]", subject, "[extensions]", *extensions, ""))
        configuration.write_text(text)
        subprocess.run(
            (
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"),
                *("-days", _DAYS, "-config", str(configuration), *signer),
                *("-out", str(pair.certificate), "-keyout", str(pair.key)),
            ),
            stderr=subprocess.DEVNULL,
            check=True,
        )
        configuration.unlink()
        return pair
