"""Provenance: the sentence that says, inside every picture and table, which recordings it was made from."""

from collections.abc import Sequence

from emolabs.reporting.looks import corpus_name

#: Corpora whose key begins so were spoken by a synthesizer.
SYNTHETIC = "emosynth"
#: The fact that intervals beside scores are of this kind, for `describe`.
INTERVALS = {"intervals": "95 % over speakers"}


def describe(corpora: Sequence[str], *, opus: bool, **facts: object) -> str:
    """One line on where a result comes from.

    `corpora` are corpus keys, in the order in which they are to be named: by the name in the registry, or by the key
    where a corpus is the user's own; synthetic ones are always called so.
    `opus` says whether the audio was read from Opus-compressed copies and not from the publishers' files. `facts` are
    named things worth knowing, in the order given (`protocol="hash", seed=0`); one that is None is left out.

    >>> describe(["ravdess", "cremad"], opus=True, protocol="hash", seed=0)
    'RAVDESS, CREMA-D · from Opus copies · protocol hash · seed 0'
    >>> describe(["emosynth-en", "emosynth-de"], opus=False)
    'Synthetic speech (eSpeak NG), not human: emosynth-en, emosynth-de'

    Raises `ValueError` with a sentence where `corpora` is a bare string or empty.
    """
    if isinstance(corpora, str) or not len(corpora):
        raise ValueError(
            f"Expected a list of one or more corpus keys to describe, found {corpora!r}. "
            f"Pass the corpora the data came from, such as ['ravdess', 'cremad']."
        )
    names = {key: corpus_name(key) for key in corpora}
    human = ", ".join(name for key, name in names.items() if not key.startswith(SYNTHETIC))
    synthetic = ", ".join(name for key, name in names.items() if key.startswith(SYNTHETIC))
    if human and synthetic:
        source = f"{human} and synthetic speech (eSpeak NG), not human: {synthetic}"
    else:
        source = human or f"Synthetic speech (eSpeak NG), not human: {synthetic}"
    parts = [source, *(["from Opus copies"] if opus else [])]
    parts += [f"{name.replace('_', ' ')} {value}" for name, value in facts.items() if value is not None]
    return " · ".join(parts)
