"""What the keys and tokens of providers look like: one record for each form. Data.

Each begins or is marked in a way that nothing else is, as its provider says or as it is seen in
leaks. Every repetition has a bound, so that a search takes time in proportion to the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Form(NamedTuple):
    """`what` is its name for people; one of `hints` stands in every match."""

    what: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]


def _form(what: str, hints: str | tuple[str, ...], pattern: str) -> Form:
    hints = (hints,) if isinstance(hints, str) else hints
    return Form(what, hints, re.compile(pattern))


# What providers say that their keys look like, or what keys of theirs look like in leaks.
PROVIDERS: tuple[Form, ...] = (
    _form("an AWS access key", ("AKIA", "ASIA", "ABIA", "ACCA"),
        r"A(?:KI|SI|BI|CC)A[A-Z0-9]{16}(?![A-Z0-9])"),
    _form("an AWS secret key", ("secret", "SECRET", "Secret"),
        r"(?i:aws)[A-Za-z0-9_\-]{0,20}(?i:secret)[A-Za-z0-9_\-]{0,20}['\"`\]]{0,2}[ \t]{0,20}"
        r"[:=]{1,2}>?[ \t]{0,20}['\"`]?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"),
    _form("a GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        r"gh[pousr]_[A-Za-z0-9]{30,255}"),
    _form("a GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}"),
    _form("a GitLab token", "gl",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_\-]{20,255}"),
    _form("a Slack token", "xox", r"xox[a-eoprs]-[A-Za-z0-9%+/=\-]{10,512}"),
    _form("a Slack token", "xapp-", r"xapp-\d-[A-Za-z0-9\-]{10,255}"),
    _form("a Slack webhook", "hooks.slack.com",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,255}"),
    _form("an OpenAI key", "sk-", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_\-]{20,255}"),
    _form("an OpenAI key", "T3BlbkFJ", r"sk-[A-Za-z0-9_\-]{16,128}T3BlbkFJ[A-Za-z0-9_\-]{16,128}"),
    _form("an Anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9_\-]{20,255}"),
    _form("an OpenRouter key", "sk-or-", r"sk-or-v\d-[0-9a-f]{32,128}"),
    _form("a key of an API", "sk-", r"sk-[A-Za-z0-9]{32,128}(?![A-Za-z0-9\-])"),
    _form("a Google API key", "AIza", r"AIza[0-9A-Za-z_\-]{30,45}(?![0-9A-Za-z_\-])"),
    _form("a Google API key", "AQ.", r"AQ\.[A-Za-z0-9_\-]{40,100}(?![A-Za-z0-9_\-])"),
    _form("a Google OAuth secret", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_\-]{20,64}"),
    _form("a Google OAuth token", "ya29.", r"ya29\.[A-Za-z0-9_\-]{20,512}"),
    _form("a Stripe key", ("sk_", "rk_"), r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,255}"),
    _form("a signing secret", "whsec_", r"whsec_[A-Za-z0-9+/=]{20,255}"),
    _form("a Twilio key", "SK", r"SK[0-9a-f]{32}(?![0-9a-f])"),
    _form("a SendGrid key", "SG.", r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{32,64}"),
    _form("a Mailgun key", "key-", r"key-[0-9a-f]{32}(?![0-9a-f])"),
    _form("a Mailchimp key", "-us", r"[0-9a-f]{32}-us\d{1,2}(?!\d)"),
    _form("an npm token", "npm_", r"npm_[A-Za-z0-9]{30,40}"),
    _form("a PyPI token", "pypi-", r"pypi-[A-Za-z0-9_\-]{50,512}"),
    _form("a RubyGems key", "rubygems_", r"rubygems_[0-9a-f]{48}"),
    _form("a Docker token", "dckr_", r"dckr_(?:pat|oat)_[A-Za-z0-9_\-]{24,64}"),
    _form("a Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,64}(?![A-Za-z0-9_])"),
    _form("a DigitalOcean token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _form("a Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    _form("a Square token", "sq0", r"sq0[a-z]{3}-[A-Za-z0-9_\-]{22,64}"),
    _form("an Azure storage key", "AccountKey=", r"AccountKey=[A-Za-z0-9+/]{80,100}={0,2}"),
    _form("an Azure signature", "sig=", r"sig=[A-Za-z0-9%+/]{40,64}(?:%3D|=)"),
    _form("an Azure client secret", "8Q~", r"[A-Za-z0-9_~.\-]{3}8Q~[A-Za-z0-9_~.\-]{31,34}"),
    _form("a Telegram token", ":AA", r"\d{8,10}:AA[A-Za-z0-9_\-]{33}(?![A-Za-z0-9_\-])"),
    _form("a Discord token", ".",
        r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,42}(?![A-Za-z0-9_\-])"),
    _form("a Discord webhook", "/api/webhooks/",
        r"discord(?:app)?\.com/api/webhooks/\d{10,25}/[A-Za-z0-9_\-]{40,100}"),
    _form("a Databricks token", "dapi", r"dapi[0-9a-f]{32}"),
    _form("a Doppler token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._\-]{40,80}"),
    _form("a Vault token", "hv", r"hv[sbr]\.[A-Za-z0-9_\-]{24,255}"),
    _form("a Terraform token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,80}"),
    _form("a Linear key", "lin_api_", r"lin_api_[A-Za-z0-9]{32,64}"),
    _form("a Notion token", ("secret_", "ntn_"),
        r"(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,64})(?![A-Za-z0-9_])"),
    _form("a Postman key", "PMAK-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    _form("a New Relic key", "NRAK-", r"NRAK-[A-Z0-9]{27}"),
    _form("a Grafana token", ("glsa_", "glc_"),
        r"(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/]{32,255})"),
    _form("an Atlassian token", "ATATT3", r"ATATT3[A-Za-z0-9_\-=]{50,255}"),
    _form("a Heroku key", "HRKU-", r"HRKU-[A-Za-z0-9_\-]{30,80}"),
    _form("an age key", "AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    # Each begins a word or follows a line's end that is written as one: a search reads it once.
    _form("a JSON web token", "eyJ",
        r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))eyJ[A-Za-z0-9_\-]{8,4096}"
        r"\.eyJ[A-Za-z0-9_\-]{8,8192}\.[A-Za-z0-9_\-]{16,2048}"),
    # An encrypted one has five parts; the second is empty where the key is agreed upon.
    _form("a JSON web token", "eyJ",
        r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))eyJ[A-Za-z0-9_\-]{16,4096}"
        r"\.[A-Za-z0-9_\-]{0,2048}\.[A-Za-z0-9_\-]{10,32}"
        r"\.[A-Za-z0-9_\-]{2,8192}\.[A-Za-z0-9_\-]{16,96}(?![A-Za-z0-9_\-.])"),
    _form("a Groq key", "gsk_", r"gsk_[A-Za-z0-9]{40,64}(?![A-Za-z0-9_])"),
    _form("an xAI key", "xai-", r"xai-[A-Za-z0-9]{60,100}(?![A-Za-z0-9\-])"),
    _form("a Perplexity key", "pplx-", r"pplx-[A-Za-z0-9]{40,64}(?![A-Za-z0-9\-])"),
    _form("a Replicate token", "r8_", r"r8_[A-Za-z0-9]{36,40}(?![A-Za-z0-9_])"),
    _form("an NVIDIA key", "nvapi-", r"nvapi-[A-Za-z0-9_\-]{50,100}"),
    _form("a Fireworks key", "fw_", r"fw_(?=[A-Za-z]{0,23}\d)[A-Za-z0-9]{22,24}(?![A-Za-z0-9_])"),
    _form("a Sentry token", ("sntrys_", "sntryu_"),
        r"sntry(?:s_[A-Za-z0-9+/=_\-]{40,1024}|u_[0-9a-f]{64})"),
    _form("a Tailscale key", "tskey-", r"tskey-[a-z]{2,12}-[A-Za-z0-9]{6,32}-[A-Za-z0-9]{16,96}"),
    _form("a Supabase token", "sbp_", r"sbp_(?:v\d_)?[0-9a-f]{40}(?![0-9a-f])"),
    _form("a Supabase key", "sb_secret_", r"sb_secret_[A-Za-z0-9_\-]{20,64}"),
    _form("a Figma token", "fig", r"fig[dou][rh]?_[A-Za-z0-9_\-]{36,64}(?![A-Za-z0-9_\-])"),
    _form("a Contentful token", "CFPAT-", r"CFPAT-[A-Za-z0-9_\-]{40,64}"),
    _form("a CircleCI token", "CCIP", r"CCIP(?:AT|RJ)_[A-Za-z0-9]{20,30}_[0-9a-f]{40}"),
    _form("a SonarQube token", ("squ_", "sqp_", "sqa_"), r"sq[uap]_[0-9a-f]{40}(?![0-9a-f])"),
    _form("a Dynatrace token", "dt0", r"dt0[a-z]\d\d\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}"),
    _form("an Artifactory key", "AKCp", r"AKCp[A-Za-z0-9]{60,80}(?![A-Za-z0-9])"),
    _form("an Artifactory token", "cmVmdGtu", r"cmVmdGtu[A-Za-z0-9]{50,60}(?![A-Za-z0-9+/])"),
    _form("a 1Password token", "ops_eyJ", r"ops_eyJ[A-Za-z0-9+/=_\-]{100,2048}"),
    _form("a Pulumi token", "pul-", r"pul-[0-9a-f]{40}(?![0-9a-f])"),
    _form("a PlanetScale key", "pscale_", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=\-]{32,64}"),
    _form("a Netlify token", ("nfp_", "nfo_", "nfc_", "nfu_"), r"nf[pocu]_[A-Za-z0-9]{36,44}"),
    _form("a Razorpay key", "rzp_", r"rzp_(?:live|test)_[A-Za-z0-9]{14,24}(?![A-Za-z0-9])"),
    _form("a token of Facebook or Square", "EAA",
        r"EAA(?:CEdEose0cBA[A-Za-z0-9]{20,512}|[A-Za-z0-9_\-]{57,512})(?![A-Za-z0-9_\-+/])"),
    # Azure's newer keys have one of these marks at a fixed place, and no other beginning.
    _form("an Azure key", ("JQQJ99", "AZDO"),
        r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{50,54}JQQJ99[A-Za-z0-9]{10,30}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})"
        r"(?![A-Za-z0-9])"),
    _form("a Buildkite token", "bkua_", r"bkua_[0-9a-z]{40}(?![0-9a-z])"),
    _form("a Fly.io token", ("fo1_", "fm1", "fm2_"),
        r"fo1_[A-Za-z0-9_\-]{43}|fm(?:1[ar]|2)_[A-Za-z0-9+/]{80,1024}"),
    _form("an Airtable token", "pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}(?![0-9a-f])"),
    _form("an Asana token", "1/", r"[12]/\d{12,20}(?:/\d{12,20})?:[0-9a-f]{32}(?![0-9a-f])"),
    _form("a Dropbox token", "sl.", r"sl\.(?:u\.)?[A-Za-z0-9_\-]{120,2048}"),
    _form("a Braintree token", "access_token$",
        r"access_token\$(?:production|sandbox)\$[A-Za-z0-9]{16}\$[0-9a-f]{32}"),
    _form("a Shippo token", "shippo_", r"shippo_(?:live|test)_[0-9a-f]{40}"),
    _form("a Mapbox token", "sk.eyJ", r"sk\.eyJ[A-Za-z0-9_\-]{40,512}\.[A-Za-z0-9_\-]{20,64}"),
    _form("a NuGet key", "oy2", r"oy2[a-z0-9]{43}(?![a-z0-9])"),
    _form("a Clojars token", "CLOJARS_", r"CLOJARS_[a-z0-9]{60}"),
    _form("an EasyPost key", ("EZAK", "EZTK"), r"EZ[AT]K[A-Za-z0-9]{54}"),
    _form("a Twitter token", "AAAAAAAAAAAAAAAAAAAAA",
        r"(?<![A-Za-z0-9%+/])A{20,24}[A-Za-z0-9%]{60,160}(?![A-Za-z0-9%+/])"),
    _form("a Teams webhook", "webhook.office.com",
        r"webhook\.office\.com/webhookb2/[A-Za-z0-9@\-]{30,100}/"),
    _form("a Cloudflare key", "v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    _form("a Firebase key", ":APA91b", r"[A-Za-z0-9_\-]{4,16}:APA91b[A-Za-z0-9_\-]{120,160}"),
    # What private keys begin with, whoever cut off their header: PKCS #8, #1, SEC 1, OpenSSH.
    _form("a private key", "MI",
        r"MI(?:[A-Za-z0-9+/]{3,4}[AQgw]IBADANBgkqhkiG9w0BAQEFAAS|I[A-Za-z0-9+/]{3}IBAAK"
        r"|[GHI][A-Za-z0-9+/]{1,3}AgEAMB[MA]GByqGSM49AgEG|GkAgEBBD|HcAgEBBE"
        r"|[A-Za-z0-9+/]{3,5}(?:TB|MF|ME)[A-Za-z0-9+/]{1,2}BgkqhkiG9w0BBQ0w)[A-Za-z0-9+/]{16}"),
    _form("a private key", ("MHcCAQEEI", "MHQCAQEEI", "MC4CAQAwBQYDK2V", "b3BlbnNzaC1rZXktdjE"),
        r"(?:MH[cQ]CAQEEI|MC4CAQAwBQYDK2V|b3BlbnNzaC1rZXktdjE)[A-Za-z0-9+/]{16}"),
)  # fmt: skip
