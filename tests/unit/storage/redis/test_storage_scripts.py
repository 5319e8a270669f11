from reddit_mcp.storage.redis.lua_scripts import Script
from tests.support.redis_store import fake_store

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


async def test_a_script_runs_whether_known_or_not() -> None:
    async with fake_store() as store, store.visit() as redis:
        assert await redis.script_exists(ADD.sha) == [False]
        assert await ADD.run(redis, ["sum"], [2]) == 2
        assert await redis.script_exists(ADD.sha) == [True]
        assert await ADD.run(redis, ["sum"], [3]) == 5
        await redis.script_flush()
        assert await ADD.run(redis, ["sum"], [4]) == 9
