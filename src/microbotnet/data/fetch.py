"""Fetch archives from their publishers: resumed after a break, checked, and unpacked nowhere but where asked."""

import logging
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import Failed

BREAKS = 3
"""How often in a row a download that has begun may break without one new byte."""


def fetch_archive(url: str, md5: str, folder: Path) -> Path:
    """The file of `url` in `folder`, downloaded unless it is there already; its MD5 is `md5`.

    A broken download stays in `folder` as NAME.part, and the next call goes on from there. A terminal shows
    how far it is.

    Raises:
        Failed: no network, or what came is not the archive.
    """
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    name = url.rpartition("/")[2]
    part = folder / f"{name}.part"

    def download(url: str, output_file: str, _pooch: Any) -> None:
        _download(url, part)
        part.replace(output_file)

    try:
        return Path(pooch.retrieve(url, f"md5:{md5}", name, folder, downloader=download))
    except ValueError as error:  # pooch's word for a wrong checksum; it has removed the file
        raise Failed(f"what {url} sends is not the archive (its MD5 is not {md5})") from error


def _download(url: str, part: Path) -> None:
    """Bring `url` into `part`, going on after the bytes it holds."""
    import requests
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    breaks = BREAKS  # a first attempt that brings nothing is the last
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(part.stem, total=None)
        while True:
            held = part.stat().st_size if part.exists() else 0
            try:
                # Bytes as stored: a server's on-the-fly compression would make ranges meaningless.
                headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={held}-"} if held else {})
                with requests.get(url, headers=headers, stream=True, timeout=(10, 30)) as response:
                    if response.status_code == 416:  # nothing after what is held: all of it, or not a part of this file
                        return
                    response.raise_for_status()
                    if response.status_code != 206:
                        held = 0  # the server sends everything again
                    length = response.headers.get("Content-Length")
                    progress.update(task, completed=held, total=held + int(length) if length else None)
                    with part.open("ab" if held else "wb") as file:
                        for chunk in response.iter_content(1 << 16):
                            file.write(chunk)
                            progress.advance(task, len(chunk))
                            breaks = 0
                return
            except requests.HTTPError as error:
                raise Failed(f"{url} answers {response.status_code} {response.reason}") from error
            except requests.RequestException as error:
                breaks += 1
                if breaks > BREAKS:
                    how = "broke off; run again to go on" if part.exists() else "cannot be reached"
                    raise Failed(f"{url} {how}") from error
                time.sleep(breaks)


def unpack(archive: Path, members: Iterable[str], folder: Path) -> None:
    """Unpack the named members of a tar archive, regular files all, straight into `folder`, once all are read.

    A member's own path plays no part in where it goes, and other members are left alone: nothing is ever written
    outside `folder`.

    Raises:
        Failed: the archive is damaged or lacks one of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as new:
        try:
            with tarfile.open(archive) as tar:
                for name in members:
                    member = tar.extractfile(name)
                    if member is None:
                        raise Failed(f"{archive}: {name} is not a file")
                    with member, (Path(new) / Path(name).name).open("wb") as out:
                        shutil.copyfileobj(member, out)
        except Failed:
            raise
        except Exception as error:  # damage meets the reader with every kind of exception
            if isinstance(error, OSError) and error.errno is not None:  # a full disk, say
                raise
            what = str(error).partition("\n")[0]
            raise Failed(
                f"{archive}: damaged, or not the expected archive ({what}); delete it and try again"
            ) from error
        for file in Path(new).iterdir():
            file.replace(folder / file.name)
