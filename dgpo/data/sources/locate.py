"""The files of a source: in a folder or a file that is there, in the hub's cache, or downloaded from the hub."""

import contextlib
import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import yaml

from dgpo.data.read import FORMATS, format_of
from dgpo.data.sources.source import HubCopy
from dgpo.errors import UserError, one_line

ATTEMPTS = 3
TIMEOUT = 20.0
"""Seconds that the hub has for its answer to a question; a download goes on as long as bytes arrive."""

_SPLITS = {"training": "train", "valid": "validation", "val": "validation", "dev": "validation"}
_SHARD = re.compile(r"(\d{4,})-of-(\d{4,})")
_NO_DATA = re.compile(
    r"(?:^|/)(?:\.[^/]*(?:/|$)|cache-[^/]*\.arrow$|(?:dataset_infos?|dataset_dict|state|[^/]*\.manifest|[^/]*config)\.json$|[^/]*\.dropped(?:\.new)?\.jsonl$)"
)


@dataclass(frozen=True)
class Located:
    """Files to read, in order, with their names in the folder or repository, and its revision ("": unknown)."""

    source: str
    revision: str
    files: dict[str, Path]


@dataclass(frozen=True)
class Layout:
    """The files of a folder or a repository, of which those of a split are chosen.

    Attributes:
        names: of all files.
        where: the beginning of what is said of them.
        card: the text of the hub's card, of which a layout that the copy does not know is read.
        is_asked: whether the person named the split.
    """

    names: Sequence[str]
    copy: HubCopy
    split: str
    where: str
    card: str = ""
    is_asked: bool = True

    @property
    def data(self) -> list[str]:
        return sorted(name for name in self.names if format_of(name) and not _NO_DATA.search(name))

    def choose(self) -> Sequence[str]:
        """The names of the split's data files, in order. Of a copy whose files are known those that fit its pattern,
        else the only one, else those with the split in their name, in the first format of `FORMATS`; of another see
        `_one_data_set`. UserError where none or not all can be chosen, with what is there."""
        if chosen := self.find():
            return chosen
        wanted = f"looked for {self.copy.files[self.split]}; " if self.copy.files else ""
        remedy = "the file itself" + (" with --from FILE" if self.copy.id else "")
        remedy += "" if self.copy.files else ", or --split"
        there = ", ".join(self.data[:8]) or "none"
        raise UserError(
            f"{self.where}: no data file of split {self.split!r} ({wanted}there are {there}); give {remedy}"
        )

    def find(self) -> Sequence[str]:
        """As `choose`, but empty where there is none of the split."""
        chosen = self._fitting(self.copy.files[self.split]) if self.copy.files else self._one_data_set()
        shards = Counter((name[: shard.start(1)], shard[2]) for name in chosen if (shard := _SHARD.search(name)))
        for (begin, total), count in shards.items():
            if count < int(total):
                raise UserError(
                    f"{self.where} has {count} of the {int(total)} files {begin}*-of-{total}; download the others, or "
                    "give one file itself"
                )
        return chosen

    def _fitting(self, pattern: str) -> Sequence[str]:
        data = self.data
        fitting = [name for name in data if fnmatchcase(name, pattern)] or (data if len(data) == 1 else [])
        if not fitting:
            word = re.compile(rf"(?:^|[^a-z]){re.escape(self.split)}(?:[^a-z]|$)")
            fitting = [name for name in data if word.search(name.lower())]
        by_format = ([name for name in fitting if format_of(name) == suffix] for suffix in FORMATS)
        return next(filter(None, by_format), [])

    def _one_data_set(self) -> Sequence[str]:
        """Of files in an unknown layout those with the split in their names, and all where no name has any split; where
        a hub's card says which they are, these. UserError where they are of several data sets or formats."""
        data, wanted = self.data, _SPLITS.get(self.split, self.split)
        of_card = _files_of_card(self.card, data)
        self._refuse_several({config: names[0] for config, _, names in of_card if names})
        named = [name for _, of_split, names in of_card if of_split == wanted for name in names]
        chosen = named or [name for name in data if wanted in _words_of(name)]
        is_split = any(_words_of(name) & {"train", "test", "validation"} for name in data)
        if not chosen and not self.is_asked and not is_split:
            chosen = data
        # Without a card, by the hub's own layouts: a folder for each data set, with all shards of a split or with files
        # of the same names; a problem a document, such as 12.json, is one data set in any folders.
        of_name = Counter(Path(name).name for name in chosen if not re.search(r"(?:^|/)\d+\.json$", name))
        repeated = (name for name in chosen if _SHARD.search(name) or of_name[Path(name).name] > 1)
        self._refuse_several({str(Path(name).parent): name for name in repeated})
        formats = sorted(set(map(format_of, chosen)))
        if len(formats) > 1:
            raise UserError(
                f"{self.where} has files of several formats ({', '.join(formats)}), and they may hold the same rows; "
                "give the file itself, or a folder of those that you want"
            )
        return chosen

    def _refuse_several(self, sets: dict[str, str]) -> None:
        """Raises UserError where there is more than one data set, each with its name and a file."""
        if len(sets) > 1:
            there = ", ".join(f"{name}: {file}" for name, file in sets.items())
            raise UserError(
                f"{self.where} holds several data sets ({there}); give the folder or file of one, which of the hub's "
                "`hf download --repo-type dataset` brings, with --from"
            )


def local_files(copy: HubCopy, path: Path, split: str, where: str = "", *, is_asked: bool = True) -> Located:
    """The files of a split at `path`: a file, a folder of files, a snapshot, or the hub's cache folder.

    Raises UserError, which begins with `where`, as `Layout.choose` does, and where there is nothing.
    """
    where = where or f"from={path}"
    if path.is_file():
        return Located("local", "", {path.name: path})
    if not path.is_dir():
        raise UserError(f"{where}: there is no such file or folder; give one that has the data")
    root = _snapshot(path, copy)
    chosen = Layout(_names(root), copy, split, where, _text_of(root / "README.md"), is_asked).choose()
    revision = _revision(root, chosen[0]) if copy.id else ""
    return Located(copy.id if revision else "local", revision, {name: root / name for name in chosen})


def _text_of(file: Path) -> str:
    """The text of a file; "" where there is none that can be read."""
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeError):
        return ""


def _files_of_card(card: str, data: Sequence[str]) -> list[tuple[str, str, list[str]]]:
    """Config, split and data files of each entry of `configs` in the front matter of a hub's card."""
    try:
        front = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
        entries = list[tuple[str, str, list[str]]]()
        for config in yaml.safe_load(front[1])["configs"] if front else ():
            for entry in config["data_files"]:
                patterns = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
                files = [name for name in data if any(fnmatchcase(name, each) for each in patterns)]
                entries.append((str(config["config_name"]), _SPLITS.get(entry["split"]) or str(entry["split"]), files))
    except (ValueError, KeyError, TypeError, yaml.YAMLError):
        return []  # none, or a card in another form
    return entries


def _words_of(name: str) -> set[str]:
    return {_SPLITS.get(word[0], word[0]) for word in re.finditer(r"[a-z]+", name.lower())}


def hub_files(copy: HubCopy, split: str, revision: str | None, *, is_asked: bool = True) -> Located:
    """The files of a split, downloaded into the hub's cache; those of an earlier download where the hub is away.

    Raises UserError where the hub has no such repository, revision or file; and, with the command for files brought
    by hand, where the hub cannot be reached and the cache has none.
    """
    import httpx
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

    reason: Exception = OSError("not asked")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            info = HfApi().dataset_info(copy.id, revision=revision, timeout=TIMEOUT)
            names = [each.rfilename for each in info.siblings or []]
            # By the revision's own name: the cache then knows what it stood for, and can answer without the hub.
            download = partial(hf_hub_download, copy.id, repo_type="dataset", revision=revision or "main")
            card = _text_of(Path(download("README.md"))) if "README.md" in names and not copy.files else ""
            chosen = Layout(names, copy, split, f"{copy.id} on the hub", card, is_asked).choose()
            paths = {name: Path(download(name)) for name in chosen}
            if all(str(path).endswith(f"/{info.sha}/{name}") for name, path in paths.items()):
                return Located(copy.id, str(info.sha), paths)
            reason = OSError("the repository changed while it was downloaded")
        except (GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError) as error:
            raise UserError(
                f"hub-id={copy.id}, revision={revision or 'main'}: {one_line(error)}; "
                "correct it, or log in with `hf auth login`"
            ) from error
        except (httpx.HTTPError, OSError) as error:
            reason = error
        if attempt < ATTEMPTS:
            time.sleep(attempt)
    with contextlib.suppress(OSError, ValueError):  # what an earlier download left
        root = Path(snapshot_download(copy.id, repo_type="dataset", revision=revision, local_files_only=True))
        card = _text_of(root / "README.md")
        if chosen := Layout(_names(root), copy, split, str(root), card, is_asked).find():
            return Located(copy.id, root.name, {name: root / name for name in chosen})
    raise UserError(
        f"{copy.id} cannot be had from the hub ({one_line(reason)}). Where it can be reached, run\n"
        f"    hf download --repo-type dataset {copy.id} --local-dir FOLDER\n"
        f"and give the folder here: --from FOLDER (or --from FILE, any of {', '.join(FORMATS)}; "
        f"the file wanted is {copy.files.get(split, split)})"
    ) from reason


def _names(root: Path) -> list[str]:
    """Of each file below a folder, and below the folders that links in it lead to, once."""
    names, met = list[str](), set[str]()
    for folder, inner, files in os.walk(root, followlinks=True):
        if (real := os.path.realpath(folder)) in met:
            inner.clear()
            continue
        met.add(real)
        names += [(Path(folder) / name).relative_to(root).as_posix() for name in files if Path(folder, name).is_file()]
    return names


def _snapshot(path: Path, copy: HubCopy) -> Path:
    """The folder with the files: `path` itself, or the snapshot where `path` is, or is in, the hub's cache."""
    in_cache = path / f"datasets--{copy.id.replace('/', '--')}"
    root = in_cache if in_cache.is_dir() else path
    if not (root / "snapshots").is_dir():
        return root
    reference = root / "refs" / "main"
    snapshots = sorted(each.name for each in (root / "snapshots").iterdir())
    wanted = reference.read_text().strip() if reference.is_file() else "".join(snapshots[:1])
    if wanted not in snapshots or not (reference.is_file() or len(snapshots) == 1):
        there = ", ".join(snapshots) or "no snapshot"
        raise UserError(f"from={path} holds {there}; give the folder of the one that you want")
    return root / "snapshots" / wanted


def _revision(root: Path, name: str) -> str:
    """The commit of a snapshot in the hub's cache, or of what `hf download --local-dir` left; else ""."""
    if root.parent.name == "snapshots":
        return root.name
    left = root / ".cache" / "huggingface" / "download" / f"{name}.metadata"
    return left.read_text().split("\n")[0].strip() if left.is_file() else ""
