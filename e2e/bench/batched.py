"""The loop of the vendor's guide, but with batches: 80 messages or 8 MB in a request, offsets committed by themselves."""

import asyncio
import sys
import time
import uuid

from confluent_kafka import Consumer
from reduct import Batch, Client

BOOTSTRAP, TOPIC, MESSAGES, URL, TOKEN, BUCKET = sys.argv[1:]
RECORDS_MAX = 80
BYTES_MAX = 8 * 1024 * 1024


async def main():
    async with Client(URL, api_token=TOKEN) as client:
        bucket = await client.get_bucket(BUCKET)
        consumer = Consumer(
            {"bootstrap.servers": BOOTSTRAP, "group.id": f"bench-{uuid.uuid4()}", "auto.offset.reset": "earliest"}
        )
        consumer.subscribe([TOPIC])
        stored = 0
        last_us = 0
        while stored < int(MESSAGES):
            batch = Batch()
            size = 0
            while len(batch) < RECORDS_MAX and size < BYTES_MAX and stored + len(batch) < int(MESSAGES):
                message = consumer.poll(0.1)
                if message is None:
                    break
                if message.error():
                    raise RuntimeError(message.error())
                if last_us == 0:
                    print("reading", flush=True)
                # Two records of an entry cannot share a microsecond.
                last_us = max(last_us + 1, time.time_ns() // 1_000)
                labels = {name: value.decode("utf-8") for name, value in message.headers() or []}
                batch.add(last_us, message.value(), labels=labels)
                size += len(message.value())
            if len(batch) > 0:
                errors = await bucket.write_batch(TOPIC, batch)
                if errors:
                    raise RuntimeError(errors)
                stored += len(batch)
        print("stored", flush=True)
        sys.stdin.read()
        consumer.close()


asyncio.run(main())
