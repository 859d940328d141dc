"""Hosts that are known to everybody as APIs of others: closed, whatever a list calls them. Pure.

A list says what its writer believes. Whoever puts one of these among their own engines would send
every prompt of a completion to it, without consent, preview or scan for secrets.
"""

from __future__ import annotations

import re

# Who runs what is at a name, and at every name that ends so: regions stand in front.
_OPERATORS = {
    ".api.openai.com": "OpenAI",
    ".api.anthropic.com": "Anthropic",
    ".generativelanguage.googleapis.com": "Google",
    ".aiplatform.googleapis.com": "Google",
    "-aiplatform.googleapis.com": "Google",
    ".openai.azure.com": "Microsoft",
    ".cognitiveservices.azure.com": "Microsoft",
    ".services.ai.azure.com": "Microsoft",
    ".models.ai.azure.com": "Microsoft",
    ".inference.ml.azure.com": "Microsoft",
    ".models.github.ai": "GitHub",
    ".models.inference.ai.azure.com": "GitHub",
    ".githubcopilot.com": "GitHub",
    ".api.mistral.ai": "Mistral AI",
    ".codestral.mistral.ai": "Mistral AI",
    ".api.deepseek.com": "DeepSeek",
    ".api.x.ai": "xAI",
    ".api.groq.com": "Groq",
    ".openrouter.ai": "OpenRouter",
    ".ollama.com": "Ollama",
    ".api.cohere.com": "Cohere",
    ".api.cohere.ai": "Cohere",
    ".api.together.xyz": "Together AI",
    ".api.together.ai": "Together AI",
    ".api.fireworks.ai": "Fireworks AI",
    ".api.perplexity.ai": "Perplexity",
    ".api.cerebras.ai": "Cerebras",
    ".api.sambanova.ai": "SambaNova",
    ".api.deepinfra.com": "DeepInfra",
    ".api.replicate.com": "Replicate",
    ".api.moonshot.ai": "Moonshot AI",
    ".api.moonshot.cn": "Moonshot AI",
    ".api.z.ai": "Z.ai",
    ".open.bigmodel.cn": "Z.ai",
    ".dashscope.aliyuncs.com": "Alibaba Cloud",
    ".dashscope-intl.aliyuncs.com": "Alibaba Cloud",
    ".integrate.api.nvidia.com": "NVIDIA",
    ".router.huggingface.co": "Hugging Face",
    ".api-inference.huggingface.co": "Hugging Face",
    ".endpoints.huggingface.cloud": "Hugging Face",
}
# AWS has the region in the middle of a name.
_BEDROCK = re.compile(
    r"(?:^|\.)bedrock(?:-[a-z]+)*\.[a-z0-9-]+\.(?:(?:vpce\.)?amazonaws\.com(?:\.cn)?|api\.aws)$"
)
# Google too, in one of its forms, and another has a `p` behind it.
_VERTEX = re.compile(
    r"(?:^|\.)(?:aiplatform\.[a-z0-9-]+\.rep|[a-z0-9-]+-aiplatform\.p)\.googleapis\.com$"
)


def operator_at(destination: str) -> str:
    """Who runs what is at scheme://host:port, at any port; "" where that is not known here."""
    name = destination.partition("://")[2].rpartition(":")[0].rstrip(".").casefold()
    if _BEDROCK.search(name):
        return "Amazon"
    if _VERTEX.search(name):
        return "Google"
    return next((who for end, who in _OPERATORS.items() if f".{name}".endswith(end)), "")
