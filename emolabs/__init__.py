"""EmoLabs: reproducible speech emotion recognition, one package folder a stage."""

__version__ = "0.1.0"
