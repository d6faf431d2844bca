"""The loop of the vendor's Kafka guide: one request for each message, offsets committed by themselves.

Only its edges are ours: what it prints for the benchmark, and that it ends after so many messages.
"""

import asyncio
import sys
import uuid

from confluent_kafka import Consumer
from reduct import Client

BOOTSTRAP, TOPIC, MESSAGES, URL, TOKEN, BUCKET = sys.argv[1:]


async def main():
    async with Client(URL, api_token=TOKEN) as client:
        bucket = await client.get_bucket(BUCKET)
        consumer = Consumer(
            {"bootstrap.servers": BOOTSTRAP, "group.id": f"bench-{uuid.uuid4()}", "auto.offset.reset": "earliest"}
        )
        consumer.subscribe([TOPIC])
        stored = 0
        while stored < int(MESSAGES):
            message = consumer.poll(0)
            if message is None:
                await asyncio.sleep(1)
                continue
            if message.error():
                raise RuntimeError(message.error())
            if stored == 0:
                print("reading", flush=True)
            labels = {name: value.decode("utf-8") for name, value in message.headers() or []}
            await bucket.write(TOPIC, message.value(), labels=labels)
            stored += 1
        print("stored", flush=True)
        sys.stdin.read()
        consumer.close()


asyncio.run(main())
