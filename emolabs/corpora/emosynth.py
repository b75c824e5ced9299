"""emosynth-en and emosynth-de, the embedded corpora: eSpeak NG, emotions as prosody. Synthetic, for the demo."""

import re

from emolabs.corpora import synthesis
from emolabs.corpora.corpus import Corpus, Recording, match


def _corpus(language: str, name: str) -> Corpus:
    key = f"emosynth-{language}"
    clips = {clip.name: clip for clip in synthesis.clips(key)}

    def parse(name: str) -> Recording:
        """What a recording's name says, as of `Corpus.parser`."""
        stem = name.rsplit("/", 1)[-1]
        match(
            re.compile("|".join(clips)),
            stem,
            expected=f"<voice>_<sentence>_<emotion>_<take> such as {next(iter(clips))}",
        )
        clip = clips[stem]
        return Recording(name=stem, speaker=clip.voice, sex=clip.sex, text=clip.text, source_emotion=clip.emotion)

    emotions = [clip.emotion for clip in clips.values()]
    return Corpus(
        key=key,
        name=name,
        language=language,
        licence="MIT, as this repository; spoken by eSpeak NG",
        citation="this repository",
        source="python -m emolabs.corpora.synthesis",
        obtain="It is made by `python -m emolabs.corpora.synthesis` in under two minutes.",
        layout=f"{next(iter(clips))}.wav",
        counts={emotion: emotions.count(emotion) for emotion in sorted(set(emotions))},
        own_labels=tuple(sorted(set(emotions))),
        speakers=len({clip.voice for clip in clips.values()}),
        parse=parse,
        may_share=True,
    )


EMOSYNTH_EN = _corpus("en", "emosynth-en")
EMOSYNTH_DE = _corpus("de", "emosynth-de")
