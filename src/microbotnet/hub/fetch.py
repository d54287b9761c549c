"""From the hub: two files of a repository, and nothing else of it."""

import re
from pathlib import Path

from ..errors import BadInput, Failed

PREFIX = "hf-hub:"  # before OWNER/NAME where any network's name may stand
WEIGHTS, CARD = "model.safetensors", "config.json"
_REPOSITORY = re.compile(r"([\w.-]+/[\w.-]+)(?:@(\S+))?")


def is_repository(name: str) -> bool:
    """Whether a name is written OWNER/NAME or OWNER/NAME@REVISION."""
    return _REPOSITORY.fullmatch(name) is not None


def fetch_repository(name: str) -> Path:
    """The weights' file, beside its card, of a repository on the hub; from the hub's own cache if it is there.

    Args:
        name: OWNER/NAME, or OWNER/NAME@REVISION: a branch, a tag or a commit.

    Raises:
        BadInput: there is no such repository, revision or file, or it is not for this account.
        Failed: the hub cannot be reached, and the files are not in the cache.
    """
    if (parts := _REPOSITORY.fullmatch(name)) is None:
        raise BadInput(f"{PREFIX}{name}: write {PREFIX}OWNER/NAME, and @REVISION after it if you like")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, revision = parts.groups()
    try:
        card = Path(hf_hub_download(repository, CARD, revision=revision, library_name="microbotnet"))
        commit = card.parent.name  # both files are of one
        return Path(hf_hub_download(repository, WEIGHTS, revision=commit, library_name="microbotnet"))
    except LocalEntryNotFoundError:
        raise Failed(f"{name}: the hub cannot be reached, and this network is not in its cache") from None
    except RevisionNotFoundError:
        raise BadInput(f"{name}: the repository {repository} has no revision {revision!r}") from None
    except RepositoryNotFoundError:
        raise BadInput(
            f"{name}: neither a file here nor a repository on the hub; for a private one: hf auth login"
        ) from None
    except EntryNotFoundError:
        raise BadInput(f"{name}: holds no {CARD} with {WEIGHTS}, as save_pretrained writes them") from None
    except HFValidationError as error:
        raise BadInput(f"{name}: no name of a repository: {_line(error)}") from None
    except (OSError, ValueError) as error:  # the hub's other errors, those of the network, answers that are no hub's
        raise Failed(f"{name}: cannot be fetched: {_line(error)}") from None


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
