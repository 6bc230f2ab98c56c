"""The store in an S3 bucket: conditional writes, encryption by KMS, logs in parts that are joined at the end.

Sources: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html (``If-None-Match: *`` creates,
``If-Match`` replaces, 412 says that the condition failed, 409 that somebody wrote at the same moment) and
.../userguide/Welcome.html#ConsistencyModel (reads and lists see every write that was answered).
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from workers.core import aws
from workers.core.errors import SettingError, StoreError
from workers.runs.store import AUDIT_PREFIX, checked

T = TypeVar("T")

_PARTS: Final = ".part/"
_CONNECTIONS: Final = 32
_CONFLICTS: Final = 5
_ABSENT: Final = ("NoSuchKey", "404")
_LOST: Final = ("PreconditionFailed", "412")
_CONFLICT: Final = ("ConditionalRequestConflict", "409")


@dataclass(frozen=True)
class S3Store:
    """The store below a prefix of a bucket. The bucket is versioned, private, and takes nothing over plain HTTP.

    Args:
        client: a boto3 client for S3.
        bucket: name of the bucket.
        prefix: what every key starts with; empty, or without a slash at the end.
        kms_key: id or ARN of the KMS key for new objects; empty: the bucket's own encryption.
        lock_days: for how long an entry of the audit trail can be removed by nobody; 0: it is not locked.
    """

    client: Any
    bucket: str
    prefix: str = ""
    kms_key: str = ""
    lock_days: int = 0
    _threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_CONNECTIONS, "s3"), repr=False, compare=False
    )

    @property
    def shared(self) -> bool:
        """See `Store.shared`."""
        return True

    async def read(self, key: str) -> bytes | None:
        """See `Store.read`."""
        name = self._name(key)
        whole = await self._call(self._get, name)
        if whole is not None:
            return whole[0]
        parts = await self._call(self._list, name + _PARTS)
        found = await asyncio.gather(*(self._call(self._get, part) for part in parts))
        return b"".join(part[0] for part in found if part) if parts else None

    async def children(self, prefix: str) -> tuple[str, ...]:
        """See `Nested.children`."""
        top = f"{self._name(prefix)}/"
        names = await self._call(self._folders, top)
        return tuple(sorted(name.removeprefix(top).rstrip("/") for name in names))

    async def size(self, key: str) -> int:
        """See `Ranged.size`."""
        name = self._name(key)
        sizes = dict(await self._call(self._sizes, name))
        return sizes.get(name, sum(size for part, size in sizes.items() if part.startswith(name + _PARTS)))

    async def read_from(self, key: str, offset: int, most: int | None = None) -> bytes:
        """See `Ranged.read_from`. Parts outside of what is wanted are listed and not read."""
        name = self._name(key)
        whole = await self._call(self._get_from, name, offset, most)
        if whole is not None:
            return whole
        wanted, skip, left = [], offset, math.inf if most is None else most
        for part, size in await self._call(self._sizes, name + _PARTS):
            if size > skip and left > 0:
                wanted.append((part, skip))
                left -= size - skip
            skip = max(0, skip - size)
        found = await asyncio.gather(*(self._call(self._get_from, part, start) for part, start in wanted))
        if None in found:  # sealed meanwhile: the parts are one object now
            return await self._call(self._get_from, name, offset, most) or b""
        return b"".join(part for part in found if part)[:most]

    async def write(self, key: str, content: bytes) -> None:
        """See `Store.write`."""
        await self._call(self._put, self._name(key), content)

    async def create(self, key: str, content: bytes) -> bool:
        """See `Store.create`."""
        return await self._call(self._put_if, self._name(key), content, {"IfNoneMatch": "*"})

    async def replace(self, key: str, old: bytes | None, new: bytes) -> bool:
        """See `Store.replace`."""
        if old is None:
            return await self.create(key, new)
        name = self._name(key)
        found = await self._call(self._get, name)
        if found is None or found[0] != old:
            return False
        return await self._call(self._put_if, name, new, {"IfMatch": found[1]})

    async def append(self, key: str, content: bytes) -> None:
        """See `Store.append`. Each call makes one object; their names are in the order of the calls."""
        part = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
        await self._call(self._put, self._name(key) + _PARTS + part, content)

    async def seal(self, key: str) -> None:
        """See `Store.seal`: the parts become one object."""
        name = self._name(key)
        parts = await self._call(self._list, name + _PARTS)
        if parts:
            await self.write(key, await self.read(key) or b"")
            await asyncio.gather(*(self._call(self._delete, part) for part in parts))

    async def keys(self, prefix: str) -> tuple[str, ...]:
        """See `Store.keys`."""
        top = f"{self._name(prefix)}/" if prefix else self._top
        names = await self._call(self._list, top)
        return tuple(sorted({name.removeprefix(self._top).partition(_PARTS)[0] for name in names}))

    async def delete(self, key: str) -> None:
        """See `Store.delete`."""
        await self._call(self._delete, self._name(key))

    async def changed(self, prefix: str) -> Mapping[str, str]:
        """See `Versioned.changed`. A bucket without versions knows of nothing."""
        names = await self._call(self._changed, f"{self._name(prefix)}/")
        return {name.removeprefix(self._top): what for name, what in names.items()}

    @property
    def _top(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""

    def _name(self, key: str) -> str:
        return self._top + checked(key)

    async def _call(self, work: Callable[..., T], *arguments: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        except (aws.BotoCoreError, aws.ClientError) as error:
            hint = "Check the bucket's name, the credentials and what they may do: see SLUIS_STORE."
            raise StoreError(f"The store cannot use s3://{self.bucket}/{self.prefix}: {error}.", hint) from error

    def _get(self, name: str) -> tuple[bytes, str] | None:
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=name)
        except aws.ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise
        return found["Body"].read(), found["ETag"]

    def _get_from(self, name: str, offset: int, most: int | None = None) -> bytes | None:
        if most == 0:
            return b""
        last = "" if most is None else offset + most - 1
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=name, Range=f"bytes={offset}-{last}")
        except aws.ClientError as error:
            if _code(error) in _ABSENT:
                return None
            if _code(error) == "InvalidRange":
                return b""
            raise
        return bytes(found["Body"].read())

    def _put(self, name: str, content: bytes, **condition: str) -> None:
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key} if self.kms_key else {}
        more = encryption | self._lock(name)
        self.client.put_object(Bucket=self.bucket, Key=name, Body=content, **more, **condition)

    def _lock(self, name: str) -> dict[str, Any]:
        if not self.lock_days or not name.removeprefix(self._top).startswith(AUDIT_PREFIX):
            return {}
        until = datetime.now(UTC) + timedelta(days=self.lock_days)
        return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}

    def _put_if(self, name: str, content: bytes, condition: dict[str, str]) -> bool:
        for attempt in range(_CONFLICTS):
            try:
                self._put(name, content, **condition)
            except aws.ClientError as error:
                if _code(error) in (*_LOST, *_ABSENT):  # If-Match of an object that was deleted meanwhile: NoSuchKey
                    return False
                if _code(error) not in _CONFLICT or attempt == _CONFLICTS - 1:
                    raise
                time.sleep(0.05 * 2**attempt)
            else:
                return True
        return False

    def _folders(self, top: str) -> list[str]:
        paginator = self.client.get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=self.bucket, Prefix=top, Delimiter="/")
        return [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", ())]

    def _list(self, top: str) -> list[str]:
        return [name for name, _ in self._sizes(top)]

    def _sizes(self, top: str) -> list[tuple[str, int]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=top)
        return [(item["Key"], item["Size"]) for page in pages for item in page.get("Contents", ())]

    def _changed(self, top: str) -> dict[str, str]:
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=top)
        versions: Counter[str] = Counter()
        removed: set[str] = set()
        for page in pages:
            versions.update(item["Key"] for item in page.get("Versions", ()))
            removed.update(item["Key"] for item in page.get("DeleteMarkers", ()) if item["IsLatest"])
        return {name: "overwritten" for name, count in versions.items() if count > 1} | dict.fromkeys(
            removed, "removed"
        )

    def _delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)


def open_s3(address: str, kms_key: str = "", lock_days: int = 0) -> S3Store:
    """The store at ``s3://bucket/prefix``; credentials, region and endpoint as boto3 finds them.

    Raises:
        SettingError: that is no such address, or boto3 knows no region.
    """
    parts = urlsplit(address)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
        raise SettingError(f"SLUIS_STORE: '{address}' is no address of a store.", "Write s3://bucket/prefix.")
    config = {"max_pool_connections": _CONNECTIONS, "retries": {"mode": "standard", "max_attempts": 5}}
    try:
        client = aws.client("s3", config=config)
    except aws.BotoCoreError as error:
        raise SettingError(f"SLUIS_STORE: {error}", "Set AWS_REGION and credentials for this worker.") from error
    return S3Store(client, parts.netloc, parts.path.strip("/"), kms_key, lock_days)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
