"""How a thing is kept: compact JSON, deflated against a dictionary of the fields that every thing repeats."""

import zlib
from typing import Any

import orjson

from reddit_mcp.archive.sqlite.raw_fields import text, whole

_DEEPEST = 100


class Codec:
    """Packs and unpacks things; the dictionary lives in the archive, so that old archives stay readable."""

    def __init__(self, dictionary: bytes) -> None:
        self.dictionary = dictionary

    def pack(self, data: dict[str, Any]) -> bytes:
        """Deflate; what JSON cannot carry (lone surrogates, endless numbers, endless nesting) is replaced."""
        try:
            raw = orjson.dumps(data)
        except TypeError:
            raw = orjson.dumps(_clean(data))
        deflate = zlib.compressobj(level=6, wbits=-15, zdict=self.dictionary)
        return deflate.compress(raw) + deflate.flush()

    def unpack(self, blob: bytes) -> dict[str, Any]:
        """The thing as it was packed."""
        inflate = zlib.decompressobj(wbits=-15, zdict=self.dictionary)
        result: dict[str, Any] = orjson.loads(inflate.decompress(blob) + inflate.flush())
        return result


def _clean(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return whole(value)
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {text(str(key)): _clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, depth + 1) for item in value]
    return value


# The fields a thing nearly always has, with their usual values; the commonest last, where references are short.
_POST = (
    '"retrieved_on":16,"removed_by_category":null,"retrieved_utc":16,"preview":{"images":[{"source":{"url":"https://'
    'external-preview.redd.it/","width":,"height":},"resolutions":[{"url":"https://preview.redd.it/","width":108,'
    '"height":}],"variants":{},"id":""}],"enabled":false},"media_metadata":null,"crosspost_parent_list":[],'
    '"thumbnail":"https://b.thumbs.redditmedia.com/","self","default","nsfw","image",".jpg","post_hint":"image","link",'
    '"url_overridden_by_dest":"https://i.redd.it/","author_flair_css_class":null,"link_flair_css_class":null,'
    '"secure_media":null,"secure_media_embed":{},"media":null,"media_embed":{},"link_flair_text":null,'
    '"num_crossposts":0,"num_reports":null,"mod_reports":[],"user_reports":[],"report_reasons":null,'
    '"is_crosspostable":false,"is_meta":false,"is_original_content":false,"is_reddit_media_domain":false,'
    '"is_robot_indexable":true,"is_self":true,"is_video":false,"link_flair_background_color":"",'
    '"link_flair_richtext":[],"link_flair_template_id":null,"link_flair_text_color":"dark","link_flair_type":"text",'
    '"pwls":6,"wls":6,"parent_whitelist_status":"all_ads","whitelist_status":"all_ads","suggested_sort":null,'
    '"subreddit_subscribers":,"thumbnail_height":null,"thumbnail_width":null,"view_count":null,"visited":false,'
    '"contest_mode":false,"content_categories":null,"category":null,"discussion_type":null,"hidden":false,'
    '"hide_score":false,"media_only":false,"pinned":false,"quarantine":false,"spoiler":false,"clicked":false,'
    '"domain":"self.","i.redd.it","youtube.com","num_comments":0,"over_18":false,"upvote_ratio":1.0,'
    '"url":"https://www.reddit.com/r/","selftext_html":"<!-- SC_OFF --><div class=\\"md\\"><p>'
    '</p>\\n</div><!-- SC_ON -->",'
)
_COMMENT = (
    '"link_url":"https://www.reddit.com/r/","link_title":"","link_author":"","link_permalink":"","body_html":'
    '"<div class=\\"md\\"><p></p>\\n</div>","comment_type":null,"associated_award":null,"awarders":[],'
    '"collapsed_because_crowd_control":null,"collapsed_reason":null,"collapsed_reason_code":null,"collapsed":false,'
    '"controversiality":0,"is_submitter":false,"score_hidden":false,"unrepliable_reason":null,"parent_id":"t1_",'
    '"replies":"","depth":0,"link_id":"t3_","body":"",'
)
_BOTH = (
    '"all_awardings":[],"total_awards_received":0,"treatment_tags":[],"top_awarded_type":null,"gilded":0,"gildings":{},'
    '"approved_at_utc":null,"approved_by":null,"banned_at_utc":null,"banned_by":null,"mod_note":null,'
    '"mod_reason_by":null,"mod_reason_title":null,"removal_reason":null,"can_gild":false,"can_mod_post":false,'
    '"author_flair_background_color":null,"author_flair_richtext":[],"author_flair_template_id":null,'
    '"author_flair_text":null,"author_flair_text_color":null,"author_flair_type":"text","author_patreon_flair":false,'
    '"author_premium":false,"author_is_blocked":false,"archived":false,"locked":false,"no_follow":true,'
    '"send_replies":true,"saved":false,"stickied":false,"distinguished":null,"edited":false,"likes":null,"downs":0,'
    '"ups":1,"score":1,"subreddit_type":"public","subreddit_name_prefixed":"r/","subreddit_id":"t5_","subreddit":"",'
    '"permalink":"/r//comments/","name":"t1_","name":"t3_","id":"","author_fullname":"t2_","author":"[deleted]",'
    '"created":1600000000.0,"created_utc":1600000000.0}'
)
DICTIONARY = (_POST + _COMMENT + _BOTH).encode()
