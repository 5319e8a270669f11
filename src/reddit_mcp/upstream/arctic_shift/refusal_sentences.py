"""What an answer says of itself where Arctic Shift cannot give what Reddit would."""

FIRST_LOOK = (
    "Arctic Shift looks at a thing when it is posted and once more about 36 hours later: until then its score and "
    "number of comments are those of its first moment, and afterwards they do not move."
)
FIRST_LOOK_SECONDS = 36 * 3600

NO_COMMENT_ORDER = "Arctic Shift finds comments by time only: these are the newest that match."
NO_TOPIC = (
    "Arctic Shift finds communities by how their names begin, not by topic: these begin with {prefix}, the largest "
    "first."
)
NO_PART = (
    "Arctic Shift does not keep the {part}: ask for rules or wiki_index, or read the description that "
    "get_subreddit_info gives."
)
MORE_NAMES = "There may be more: give a longer beginning."
NO_ORDER = "Arctic Shift has no {order} order: these are the newest, with the scores known so far."
NO_RELEVANCE = "Arctic Shift finds posts by time only: these are the newest that match, not the most relevant."
SAMPLE = "Arctic Shift has no order by score: the {count} newest things of the period were ranked, not all of them."
WHOLE_REDDIT = "Over all of Reddit Arctic Shift shows its newest posts only: they are a sample."
UNSETTLED = "Things younger than about 36 hours still carry the scores of their first moment, so their ranking is weak."
SHORTENED = "Arctic Shift could not search the whole time asked for: this covers the newest {days} days of it."
PREFIX = "Addresses are found by how they begin (https://{site}, https://www.{site})."
NO_KARMA = "Arctic Shift knows neither the karma nor the age of an account: those fields are empty."


def joined(*sentences: str | None) -> str | None:
    """The sentences that are said, once each, as one text; None when there are none."""
    said = dict.fromkeys(sentence for sentence in sentences if sentence)
    return " ".join(said) or None
