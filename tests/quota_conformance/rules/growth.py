"""The other ways a bucket grows: versions, parts, copies, appends."""

from __future__ import annotations

from ..lab import MIB, Lab, body_of
from ..verdict import Fail, NotApplicable

#: The smallest part that S3 lets stand before the last.
PART = 5 * MIB


def versions(lab: Lab):
    unit = lab.size(10_000)
    lab.make_bucket(2 * unit)
    enable = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    headers = {"content-type": "application/xml"}
    lab.supported(lab.request("PUT", "", {"versioning": None}, headers, enable), "versioning")
    first = lab.accepted(lab.put("object", unit), "a first version")
    lab.accepted(lab.put("object", unit), "a second version")
    lab.holds(2 * unit, "two versions of one object")
    lab.refused(lab.put("object", unit), "a third version in a full bucket")
    lab.accepted(lab.delete("object"), "a delete, which only adds a marker,")
    lab.holds(2 * unit, "a delete marker")
    lab.refused(lab.put("other", 1), "one byte, with both versions still there")
    version = first.headers.get("x-amz-version-id") or first.headers.get("x-obs-version-id")
    lab.accepted(lab.delete("object", {"versionId": version}), "deleting the first version")
    lab.holds(unit, "deleting a version")
    lab.accepted(lab.put("other", unit), "an object of the size the version had")
    lab.refused(lab.put("last", 1), "one byte in a full bucket")


def parts(lab: Lab):
    tail = lab.size(100_000)
    limit = PART + tail
    lab.make_bucket(limit)
    upload = _begin(lab, "whole")
    first = lab.accepted(_part(lab, "whole", upload, 1, PART), "a part")
    lab.refused(lab.put("object", tail + 1), "an object of one byte more than an unfinished part leaves")
    second = lab.accepted(_part(lab, "whole", upload, 2, tail), "a part that fills the bucket")
    lab.refused(_part(lab, "whole", upload, 3, 1), "a part in a full bucket")
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{part.headers['etag']}</ETag></Part>"
        for number, part in ((1, first), (2, second))
    )
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    headers = {"content-type": "application/xml"}
    reply = lab.request("POST", "whole", {"uploadId": upload}, headers, document)
    lab.accepted(reply, "completing in a full bucket")
    if reply.code:
        raise Fail(f"completing in a full bucket ended in {reply.code}")
    lab.equals_listing("completing")
    lab.holds(limit, "completing")
    lab.accepted(lab.delete("whole"), "a delete")

    upload = _begin(lab, "given-up")
    lab.accepted(_part(lab, "given-up", upload, 1, PART), "a part")
    lab.refused(lab.put("object", limit), "an object as large as the limit, beside a part")
    lab.accepted(lab.delete("given-up", {"uploadId": upload}), "an abort")
    lab.holds(0, "the abort")
    lab.accepted(lab.put("object", limit), "an object as large as the limit, after the abort")


def part_again(lab: Lab):
    unit = lab.size(100_000)
    lab.make_bucket(2 * unit)
    upload = _begin(lab, "object")
    lab.accepted(_part(lab, "object", upload, 1, unit), "a part")
    lab.accepted(_part(lab, "object", upload, 1, 2 * unit), "a larger part over it that fits by the difference")
    lab.refused(_part(lab, "object", upload, 1, 2 * unit + 1), "one byte more over it")
    lab.accepted(_part(lab, "object", upload, 1, unit), "a smaller part over it")
    lab.accepted(lab.put("other", unit), "an object of what the smaller part freed")
    lab.refused(lab.put("last", 1), "one byte in a full bucket")


def _begin(lab: Lab, key: str) -> str:
    reply = lab.supported(lab.request("POST", key, {"uploads": None}), "multipart upload")
    return reply.tag("UploadId")


def _part(lab: Lab, key: str, upload: str, number: int, size: int):
    return lab.request("PUT", key, {"partNumber": str(number), "uploadId": upload}, body=body_of(size))


def copy(lab: Lab):
    unit = lab.size(10_000)
    lab.make_bucket(2 * unit)
    lab.accepted(lab.put("object", unit), "an object")
    lab.supported(_copy(lab, "copy"), "server-side copy")
    lab.holds(2 * unit, "a copy")
    lab.refused(_copy(lab, "second-copy"), "a copy in a full bucket")
    lab.holds(2 * unit, "the refusal")
    lab.accepted(lab.delete("object"), "deleting the source")
    lab.holds(unit, "deleting the source")
    lab.accepted(lab.put("other", unit), "an object of the size the source had")
    lab.refused(lab.put("last", 1), "one byte in a full bucket")


def _copy(lab: Lab, key: str):
    prefix = lab.adapter.client().signer.prefix
    return lab.request("PUT", key, headers={prefix + "copy-source": f"/{lab.bucket}/object"})


def append(lab: Lab):
    unit = lab.size(10_000)
    if lab.adapter.append is None:
        raise NotApplicable("appending is not part of S3")
    lab.make_bucket(3 * unit)
    lab.supported(_append(lab, 0, unit), "append")
    lab.accepted(_append(lab, unit, unit), "appending what fits")
    lab.holds(2 * unit, "appending")
    lab.refused(_append(lab, 2 * unit, unit + 1), "appending one byte more than fits")
    lab.holds(2 * unit, "the refusal")
    lab.accepted(_append(lab, 2 * unit, unit), "appending exactly what fits")
    lab.refused(_append(lab, 3 * unit, 1), "appending one byte in a full bucket")
    lab.equals_listing("appending")


def _append(lab: Lab, position: int, size: int):
    method = "POST" if lab.adapter.append == "obs" else "PUT"
    return lab.request(method, "object", {"append": None, "position": str(position)}, body=body_of(size))
