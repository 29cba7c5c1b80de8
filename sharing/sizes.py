"""How numbers of bytes are written for people."""


def readable_size(count: float) -> str:
    """Bytes in units of 1024: `512 bytes`, `1.5 GiB`."""
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} PiB"
