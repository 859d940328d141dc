"""Files that tools execute, or that say what is executed: an edit of one is always a decision.

What stands in them runs on a build machine, in a hook or at the next `make`, often before anybody
has read it. So an edit of one is always confirmed, and says so.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from indoors_server.session import Snapshot, scheme_of

# Whatever lies below them: pipelines, hooks, what an editor starts when it opens a folder.
_FOLDERS = (
    ".git", ".github", ".gitlab", ".gitea", ".forgejo", ".circleci", ".buildkite", ".woodpecker",
    ".husky", ".githooks", ".devcontainer", ".vscode", ".idea", ".zed", ".cargo", ".mvn",
)  # fmt: skip
_NAMES = (
    # Pipelines.
    ".gitlab-ci*.y*ml", ".travis.y*ml", "azure-pipelines*.y*ml", "bitbucket-pipelines.y*ml",
    "appveyor.y*ml", ".appveyor.y*ml", ".drone.y*ml", "cloudbuild*.y*ml", "jenkinsfile*",
    ".pre-commit-config.y*ml", "lefthook.y*ml", ".lefthook.y*ml",
    # Tasks, builds and containers.
    "makefile*", "gnumakefile", "*.mk", "cmakelists.txt", "*.cmake", "justfile", "taskfile*.y*ml",
    "rakefile", "dockerfile*", "containerfile*", "compose*.y*ml", "docker-compose*.y*ml",
    "vagrantfile", "meson.build", "build", "build.bazel", "workspace", "workspace.bazel",
    "module.bazel", "tiltfile", "earthfile", "procfile", ".envrc",
    # What package managers and build tools run, and what they fetch.
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpmfile.*",
    ".pnpmfile.*", ".npmrc", ".yarnrc*", "bun.lockb", "*.lock", "*.config.js", "*.config.cjs",
    "*.config.mjs", "*.config.ts", "*.config.mts", "gulpfile*", "gruntfile*",
    "pyproject.toml", "setup.py", "setup.cfg", "conftest.py", "tox.ini", "noxfile.py", "pipfile",
    "requirements*.txt", "sitecustomize.py", "usercustomize.py", "*.pth",
    "cargo.toml", "build.rs", "go.mod", "go.sum", "go.work", "pom.xml", "*.gradle", "*.gradle.kts",
    "gradle.properties", "gradlew*", "mvnw*", "build.sbt", "gemfile*", "*.gemspec",
    "composer.json", "package.swift", "podfile*", "*.csproj", "*.fsproj", "*.vbproj", "*.props",
    "*.targets", "nuget.config", "mix.exs",
    # What git does with files, and what we do.
    ".gitattributes", ".gitmodules", ".gitconfig", ".indoors.json",
)  # fmt: skip


def paths_of(snapshot: Snapshot) -> list[str]:
    """A document's path as it is named, and where links lead."""
    document = snapshot.document
    if scheme_of(document.uri) != "file":
        return [document.path]
    return [snapshot.file, os.path.realpath(snapshot.file)]


def is_executed(*paths: str) -> bool:
    """Whether any of these is a path of such a file, wherever in a tree; a file has several paths
    if links lead to it. Case does not matter, because it does not to many file systems.
    """
    for path in paths:
        parts = PurePosixPath(path.replace("\\", "/").lower()).parts
        if any(part in _FOLDERS for part in parts[:-1]):
            return True
        if parts and any(fnmatchcase(parts[-1], pattern) for pattern in _NAMES):
            return True
    return False
