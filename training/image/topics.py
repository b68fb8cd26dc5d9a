"""Topics of photos, told by their captions: what "the same kind of picture" means where nobody labelled them."""

from __future__ import annotations

import re

from sets import Pictured

TOPICS: dict[str, tuple[str, str, str]] = {  # pattern in the English captions; query in English and Chinese
    "dog": (r"\b(dogs?|pupp(y|ies))\b", "a dog", "一只狗"),
    "bike": (r"\b(bikes?|bicycles?|bicyclists?|cyclists?|biker)\b", "a person riding a bike", "骑自行车的人"),
    "snow": (r"\b(snow\w*|ski\w*|sled\w*)\b", "snow", "雪地"),
    "beach": (r"\b(beach|sand|shore|ocean)\b", "the beach", "海滩"),
    "water": (r"\b(pool|swim\w*|lake|river|kayak\w*|canoe\w*)\b", "swimming in water", "在水里游泳"),
    "climbing": (r"\b(climb\w*|cliffs?)\b", "rock climbing", "攀岩"),
    "skateboard": (r"\bskate\w*\b", "a skateboarder", "玩滑板的人"),
    "football": (r"\b(football|soccer|rugby)\b", "a game of football", "足球比赛"),
    "basketball": (r"\bbasketball\b", "a game of basketball", "篮球比赛"),
    "tennis": (r"\btennis\b", "a tennis player", "网球运动员"),
    "surf": (r"\b(surf\w*|waves?)\b", "a surfer on a wave", "冲浪的人"),
    "city": (r"\b(street|sidewalk|city|crowd)\b", "people in a city street", "城市街道上的人"),
    "motor": (r"\b(motorcycl\w*|motorbikes?|race ?cars?|cars?|trucks?)\b", "motor racing", "赛车"),
}
LEAST_CAPTIONS = 3


def topic(item: Pictured) -> str | None:
    """The only topic that at least three of five captions name; none, if there are several."""
    counts = {name: sum(re.search(pattern, text.lower()) is not None for text in item.texts["en"]) for name, (pattern, _, _) in TOPICS.items()}
    named = [name for name, count in counts.items() if count > 0]
    return named[0] if len(named) == 1 and counts[named[0]] >= LEAST_CAPTIONS else None
