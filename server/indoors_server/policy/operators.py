"""Hosts that are known to everybody as APIs of others: closed, whatever a list calls them. Pure.

A list says what its writer believes. Whoever puts one of these among their own engines would send
every prompt of a completion to it, without consent, preview or scan for secrets.
"""

from __future__ import annotations

# Who runs what is at a name, and at every name that ends so: regions stand in front.
_OPERATORS = {
    ".api.openai.com": "OpenAI",
    ".api.anthropic.com": "Anthropic",
    ".generativelanguage.googleapis.com": "Google",
    ".aiplatform.googleapis.com": "Google",
    "-aiplatform.googleapis.com": "Google",
    ".openai.azure.com": "Microsoft",
    ".api.mistral.ai": "Mistral AI",
    ".api.deepseek.com": "DeepSeek",
    ".api.x.ai": "xAI",
    ".api.groq.com": "Groq",
    ".openrouter.ai": "OpenRouter",
}


def operator_at(destination: str) -> str:
    """Who runs what is at scheme://host:port, at any port; "" where that is not known here."""
    name = destination.partition("://")[2].rpartition(":")[0]
    return next((who for end, who in _OPERATORS.items() if f".{name}".endswith(end)), "")
