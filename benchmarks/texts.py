"""What the load says: real chat sentences, Chinese and English, 20 to 200 characters."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

SHORTEST, LONGEST = 20, 200

BUILT_IN = (
    "Hello, I ordered two pairs of shoes last Friday and only one of them has arrived.",
    "您好，我上周五在你们网站上买了两双鞋，到现在只收到了一双，请帮我查一下。",
    "Could you give me the order number, please? It begins with the letters RD.",
    "请您提供一下订单号，一般在确认短信的第一行，以字母 RD 开头。",
    "The number is RD-20418-77, the parcel was supposed to be here on Tuesday at the latest.",
    "订单号是 RD-20418-77，物流显示周二就应该送到，可是一直没有更新。",
    "Thank you. I can see that the second parcel is still at the sorting centre in the north.",
    "谢谢您的耐心等待，我看到第二个包裹还停留在北部的分拣中心，我马上联系同事催一下。",
    "When will it be delivered? I would rather have my money back than get them on Monday.",
    "什么时候能送到呢？我周六下午要参加婚礼，如果下周一才到的话，我宁愿直接退款，不想再等了。",
    "I have asked for express delivery at our cost; it should reach you on Thursday before noon.",
    "我已经为您申请了加急配送，费用由我们承担，预计周四中午之前就能送到您手上。",
    "That would be great. Can you send me a message as soon as it leaves the sorting centre?",
    "太好了，麻烦包裹离开分拣中心的时候发短信告诉我一声，这样我好安排时间在家等。",
    "Of course. Is there anything else that I can help you with today?",
    "当然可以。请问今天还有什么其他的问题需要我帮您处理吗？",
)


def load_texts(path: Path | None) -> list[str]:
    """Return the sentences of a file, or the built-in ones, each SHORTEST to LONGEST characters.

    Understands `.jsonl` dialogues (`{"turns": [{"text"}]}`), `.csv` with a `text` column, and
    plain text, one sentence a line. Longer ones are cut; shorter ones are joined.

    Raises:
        ValueError: the file holds no usable sentence.
    """
    texts = list(BUILT_IN) if path is None else fit(_read(path))
    if not texts:
        raise ValueError(f"{path} holds no sentence")
    return texts


def fit(sentences: list[str]) -> list[str]:
    """Return the sentences joined or cut to SHORTEST..LONGEST characters, in order."""
    fitted, held = [], ""
    for sentence in sentences:
        held = f"{held} {sentence}".strip()
        if len(held) >= SHORTEST:
            fitted.append(held[:LONGEST])
            held = ""
    return fitted


def _read(path: Path) -> list[str]:
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        dialogues = [msgspec.json.decode(line) for line in content.splitlines() if line.strip()]
        return [turn["text"] for dialogue in dialogues for turn in dialogue["turns"]]
    if path.suffix == ".csv":
        return [row["text"] for row in csv.DictReader(content.splitlines())]
    return content.splitlines()
