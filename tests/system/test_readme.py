"""The README in Spanish says what the English one says: the same commands, names in code, links and rows of tables."""
import collections
import os
import re

from stack import ROOT


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def blocks(text):
    """What is in indented blocks, without what is said beside it."""
    return [re.sub(r"\s+# .*", "", line).rstrip() for line in text.splitlines() if line.startswith("    ")]


def parts(pattern, text):
    return collections.Counter(re.findall(pattern, text))


def test_the_spanish_readme_is_the_english_one():
    english, spanish = read("README.md"), read("README.es.md")
    assert blocks(spanish) == blocks(english)
    for what, pattern in (("code", r"`([^`]+)`"), ("links", r"\]\(([^)]+)\)")):
        ours, theirs = parts(pattern, spanish), parts(pattern, english)
        ours.pop("README.md", None), theirs.pop("README.es.md", None)
        assert ours == theirs, (what, ours - theirs, theirs - ours)
    assert [line.count("|") for line in spanish.splitlines() if line.startswith("|")] == \
        [line.count("|") for line in english.splitlines() if line.startswith("|")]
    assert len(re.findall(r"^#+ ", spanish, re.M)) == len(re.findall(r"^#+ ", english, re.M))


def test_every_local_link_of_both_leads_somewhere():
    for name in ("README.md", "README.es.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", read(name)):
            assert target.startswith("https://") or os.path.exists(os.path.join(ROOT, target)), (name, target)
