-- Ids are Reddit's base-36 ids as integers.
-- `data` is the thing as Reddit wrote it (see codec.py); the columns beside it exist only to order, filter and search.
-- A number that the source lacks is null.

CREATE TABLE IF NOT EXISTS meta (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- The oldest and the newest created_utc.
CREATE TABLE IF NOT EXISTS span (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    oldest INTEGER,
    newest INTEGER
);

CREATE TABLE IF NOT EXISTS community (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    fullname INTEGER,     -- t5
    title TEXT,
    description TEXT,
    subscribers INTEGER,
    seen INTEGER,         -- when the source read it, seconds
    data BLOB             -- null: known by its posts alone
);

CREATE TABLE IF NOT EXISTS account (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    fullname INTEGER,     -- t2
    seen INTEGER,
    data BLOB             -- null: known by its posts and comments alone
);

CREATE INDEX IF NOT EXISTS community_fullname ON community (fullname) WHERE fullname IS NOT NULL;
CREATE INDEX IF NOT EXISTS account_fullname ON account (fullname) WHERE fullname IS NOT NULL;

CREATE TABLE IF NOT EXISTS post (
    seq INTEGER PRIMARY KEY,             -- dense, so that the word index stays small
    id INTEGER NOT NULL UNIQUE,
    community INTEGER REFERENCES community,
    author INTEGER REFERENCES account,   -- null: deleted or not recorded
    created INTEGER,
    score INTEGER,
    comments INTEGER,
    hot INTEGER,                         -- in units of 1e-7
    controversy REAL,
    stickied INTEGER NOT NULL,
    seen INTEGER,
    title TEXT NOT NULL,
    selftext TEXT NOT NULL,
    data BLOB NOT NULL                   -- without title and selftext
);

-- One index for every order; `created` stands in those that a time filter narrows.
CREATE INDEX IF NOT EXISTS post_created ON post (created);
CREATE INDEX IF NOT EXISTS post_hot ON post (hot);
CREATE INDEX IF NOT EXISTS post_score ON post (score, created);
CREATE INDEX IF NOT EXISTS post_controversy ON post (controversy, created);
CREATE INDEX IF NOT EXISTS post_comments ON post (comments, created);
CREATE INDEX IF NOT EXISTS community_created ON post (community, created);
CREATE INDEX IF NOT EXISTS community_hot ON post (community, hot);
CREATE INDEX IF NOT EXISTS community_score ON post (community, score, created);
CREATE INDEX IF NOT EXISTS community_controversy ON post (community, controversy, created);
CREATE INDEX IF NOT EXISTS community_stickied ON post (community, created) WHERE stickied;
CREATE INDEX IF NOT EXISTS post_author ON post (author, created) WHERE author IS NOT NULL;

CREATE TABLE IF NOT EXISTS comment (
    id INTEGER PRIMARY KEY,
    post INTEGER,
    parent INTEGER,                      -- a comment; null: the post itself
    community INTEGER REFERENCES community,
    author INTEGER REFERENCES account,
    created INTEGER,
    score INTEGER,
    downs INTEGER NOT NULL,              -- 0 wherever Reddit hides them, that is since 2014
    controversial INTEGER NOT NULL,
    stickied INTEGER NOT NULL,
    seen INTEGER,
    data BLOB NOT NULL
);

CREATE INDEX IF NOT EXISTS comment_post ON comment (post);
CREATE INDEX IF NOT EXISTS comment_author ON comment (author, created) WHERE author IS NOT NULL;

-- The words are cut by words.py, so that every script is searchable; `ascii` only parts them at the blanks.
-- detail=none is a quarter of the size of positions; phrases are checked against the text itself.
CREATE VIRTUAL TABLE IF NOT EXISTS post_words USING fts5 (
    words, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);
