"""Your own files: any that can be read, with the columns you name."""

from pathlib import Path

from dgpo.data.sources.source import Purpose, Source


def own_source(
    path: Path, *, problem: str = "problem", answer: str = "answer", id: str = "id", purpose: Purpose = "train"
) -> Source:
    """A source whose columns are the given ones; `a.b` is a field of a struct."""
    return Source(name=path.stem, purpose=purpose, licence="yours", problem=(problem,), answer=(answer,), id=(id,))
