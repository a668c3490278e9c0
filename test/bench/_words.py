"""What lists of thousands of words cost: texts and words are made, bench_words measures.

English is what this repository's pages say. The others are made at random, always the same: words of
syllables, or of one to three ideographs, the n-th as frequent as 1/n, as in languages; in the
mixed text some of English's letters have accents, and sentences of the others stand between.
"""

import collections
import glob
import os
import random
import re
import subprocess

from _peers import BUILD, SOURCE, Failed

PROGRAM = os.path.join(BUILD, "bench_words")
WORDS, TEXT, BAR = 5000, 65536, 10.0
ACCENTS = str.maketrans("aceinouy", "áçéîñöüý")


def pages():
    text = ""
    for path in sorted(glob.glob(f"{SOURCE}/docs/*.md")) + [f"{SOURCE}/README.md"]:
        with open(path, encoding="utf-8") as f:
            text += re.sub(r"\s+", " ", f.read())
    return text


def russian(rnd):
    return "".join(rnd.choice("бвгджзклмнпрстфхчш") + rnd.choice("аеёиоуыюя") + rnd.choice(["", "", "н", "й", "ст"]) for _ in range(rnd.randint(1, 4)))


def chinese(rnd):
    return "".join(chr(0x4E00 + int(3000 * rnd.random() ** 2)) for _ in range(rnd.choice([1, 2, 2, 2, 3])))


def vocabulary(rnd, make):
    words = sorted({make(rnd) for _ in range(4000)})
    rnd.shuffle(words)
    return words


def text_of(rnd, words, between):
    weights = [1 / (n + 1) for n in range(len(words))]
    return "".join(word + rnd.choice(between) for word in rnd.choices(words, weights, k=TEXT // 2))


def mixed(rnd, *texts):
    """Six sentences of the first text, with accents, to each of the others."""
    parts, at = [], 0
    while sum(map(len, parts)) < TEXT:
        parts += ["".join(c.translate(ACCENTS) if rnd.random() < 0.1 else c for c in texts[0][at : at + 600])]
        parts += [text[at : at + 100] for text in texts[1:]]
        at += 600
    return " ".join(parts)


def made():
    """The words, and texts by name."""
    rnd = random.Random(1)
    english = pages()
    known = [word for word, n in collections.Counter(re.findall(r"[a-z]{3,}", english.lower())).items() if n < 60]
    others = [vocabulary(rnd, make) for make in (russian, chinese)]
    texts = {"English": english, "Russian": text_of(rnd, others[0], [" ", " ", " ", ", ", ". "]), "Chinese": text_of(rnd, others[1], ["", "", "", "，", "。"])}
    texts["mixed"] = mixed(rnd, *texts.values())
    words = set(rnd.sample(known, 1200)) | {word.translate(ACCENTS) for word in rnd.sample(known, 800)}
    for rare in (other[500:] for other in others):  # those which texts seldom have
        words |= {word for word in rnd.sample(rare, 1200) if len(word) > 1}
    while len(words) < WORDS:
        words.add("".join(rnd.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rnd.randint(4, 12))))
    return sorted(words), texts


def measured(directory, passes):
    """How many words; then each text's name, and what it costs by themselves and anywhere."""
    if not os.access(PROGRAM, os.X_OK):
        raise Failed(f"{PROGRAM} is not there (make bench builds it)")
    words, texts = made()
    lists = os.path.join(directory, "words.txt")
    with open(lists, "w", encoding="utf-8") as f:
        f.write("\n".join(words) + "\n")
    yield len(words)
    for name, text in texts.items():
        path = os.path.join(directory, "text.txt")
        with open(path, "wb") as f:
            f.write(text.encode()[:TEXT])
        done = subprocess.run([PROGRAM, lists, path, str(passes)], capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise Failed(done.stderr.strip())
        yield name, {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}


def table(directory):
    """Lines in markdown. Of the many passes the quickest counts."""
    count, *costs_of = measured(directory, 300)
    yield f"\n| {count:,} words over a text | µs a KiB, `match: word` | µs a KiB, `match: anywhere` | bar | met |"
    yield "|---|--:|--:|--:|---|"
    for name, costs in costs_of:
        good = max(costs.values()) <= BAR
        yield f"| {name} | {costs['word']:.1f} | {costs['anywhere']:.1f} | ≤ {BAR:g} µs | {'yes' if good else '**no**'} |"
