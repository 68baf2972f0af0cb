package sdk

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

const partSize = 100 * 1024 // the smallest the SDK allows

// begin starts an upload of the root account's; gone afterwards, for a bucket with one cannot be deleted.
func (s *session) begin(bucket, key string, with ...func(*obs.InitiateMultipartUploadInput)) string {
	s.t.Helper()
	input := &obs.InitiateMultipartUploadInput{}
	input.Bucket, input.Key = bucket, key
	for _, change := range with {
		change(input)
	}
	begun := accept(s.client.InitiateMultipartUpload(input))(s.t)
	s.check("bucket", begun.Bucket, bucket)
	s.check("key", begun.Key, key)
	s.t.Cleanup(func() {
		// Most tests end their uploads themselves.
		s.client.AbortMultipartUpload(&obs.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: begun.UploadId})
	})
	return begun.UploadId
}

func (s *session) part(bucket, key, upload string, number int, content []byte) obs.Part {
	s.t.Helper()
	stored := accept(s.client.UploadPart(&obs.UploadPartInput{
		Bucket: bucket, Key: key, UploadId: upload, PartNumber: number, Body: bytes.NewReader(content),
		PartSize: int64(len(content)), ContentMD5: contentMD5(string(content)),
	}))(s.t)
	s.check("etag", stored.ETag, etag(string(content)))
	return obs.Part{PartNumber: number, ETag: stored.ETag}
}

func (s *session) tryComplete(bucket, key, upload string, parts ...obs.Part) (*obs.CompleteMultipartUploadOutput, error) {
	return s.client.CompleteMultipartUpload(&obs.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: upload, Parts: parts,
	})
}

// etagOf is the etag of an object made of these parts.
func etagOf(parts ...[]byte) string {
	var sums []byte
	for _, part := range parts {
		sum := md5.Sum(part)
		sums = append(sums, sum[:]...)
	}
	sum := md5.Sum(sums)
	return fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:]), len(parts))
}

func TestAnUploadInParts(t *testing.T) {
	each(t, ops("InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		const key = "ü b/a+b?c.html"
		content := pattern(3*partSize - 5)
		upload := s.begin(bucket, key, func(input *obs.InitiateMultipartUploadInput) {
			input.Metadata, input.CacheControl = map[string]string{"colour": "blue"}, "no-cache"
			input.ACL, input.StorageClass = obs.AclPublicRead, obs.StorageClassWarm
		})
		second := s.part(bucket, key, upload, 2, content[partSize:2*partSize])
		first := s.part(bucket, key, upload, 1, content[:partSize])
		// The last one out of the middle of a file.
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		third := accept(s.client.UploadPart(&obs.UploadPartInput{
			Bucket: bucket, Key: key, UploadId: upload, PartNumber: 7, SourceFile: path, Offset: 2 * partSize,
		}))(t)
		refuse(s.tryGet(s.client, bucket, key))(t, 404, "NoSuchKey")
		s.check("bytes", first2(s.usage(bucket)), len(content)) // parts count from the moment they are stored
		whole := accept(s.tryComplete(bucket, key, upload, first, second, obs.Part{PartNumber: 7, ETag: third.ETag}))(t)
		s.check("bucket", whole.Bucket, bucket)
		s.check("key", whole.Key, key)
		s.check("has a location", whole.Location != "", true)
		s.check("etag", whole.ETag, etagOf(content[:partSize], content[partSize:2*partSize], content[2*partSize:]))
		s.checkContent(bucket, key, string(content))
		head := s.head(bucket, key)
		s.check("etag", head.ETag, whole.ETag)
		s.check("type", head.ContentType, "text/html")
		s.check("caching", head.CacheControl, "no-cache")
		s.check("metadata", head.Metadata, map[string]string{"colour": "blue"})
		s.check("class", head.StorageClass, obs.StorageClassWarm)
		accept(s.tryGet(s.nobody(), bucket, key))(t)
		s.checkUsage(bucket, int64(len(content)), 1)
		_, middle := s.get(bucket, key, func(input *obs.GetObjectInput) {
			input.RangeStart, input.RangeEnd = partSize-10, partSize+9
		})
		s.check("content", middle, string(content[partSize-10:partSize+10]))
	})
}

func first2(size int64, _ int) int64 { return size }

func TestPartsOfOtherObjects(t *testing.T) {
	each(t, ops("CopyPart", "CompleteMultipartUpload"), func(t *testing.T, s *session) {
		source, bucket := s.bucket(), s.bucket()
		content := pattern(2 * partSize)
		s.put(source, "ü/a+b", string(content))
		upload := s.begin(bucket, "copy")
		copyPart := func(number int, start, end int64) (*obs.CopyPartOutput, error) {
			return s.client.CopyPart(&obs.CopyPartInput{
				Bucket: bucket, Key: "copy", UploadId: upload, PartNumber: number,
				CopySourceBucket: source, CopySourceKey: "ü/a+b", CopySourceRangeStart: start, CopySourceRangeEnd: end,
			})
		}
		whole := accept(copyPart(1, 0, 0))(t) // without a range
		s.check("etag", whole.ETag, etag(string(content)))
		s.check("has a time", whole.LastModified.IsZero(), false)
		piece := accept(copyPart(2, 10, 19))(t)
		s.check("etag", piece.ETag, etag(string(content[10:20])))
		refuse(copyPart(3, 10, 2*partSize+1))(t, 416, "InvalidRange")
		accept(s.tryComplete(bucket, "copy", upload, obs.Part{PartNumber: 1, ETag: whole.ETag}, obs.Part{PartNumber: 2, ETag: piece.ETag}))(t)
		s.checkContent(bucket, "copy", string(content)+string(content[10:20]))
	})
}

func TestTheListOfParts(t *testing.T) {
	each(t, ops("ListParts", "AbortMultipartUpload"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		upload := s.begin(bucket, "a b")
		for _, number := range []int{1, 2, 5, 9} {
			s.part(bucket, "a b", upload, number, []byte(strings.Repeat("x", number)))
		}
		var found []string
		input := &obs.ListPartsInput{Bucket: bucket, Key: "a b", UploadId: upload, MaxParts: 3, EncodingType: "url"}
		for {
			page := accept(s.client.ListParts(input))(t)
			s.check("what it is of", page.Bucket+"/"+page.Key+"/"+page.UploadId, bucket+"/a b/"+upload)
			s.check("owner", page.Owner.ID, s.accountID(s.client))
			s.check("class", page.StorageClass, obs.StorageClassStandard)
			s.check("maximum", page.MaxParts, 3)
			for _, part := range page.Parts {
				found = append(found, fmt.Sprintf("%d:%d:%v", part.PartNumber, part.Size, part.ETag == etag(strings.Repeat("x", part.PartNumber))))
				s.check("has a time", part.LastModified.IsZero(), false)
			}
			if !page.IsTruncated {
				break
			}
			input.PartNumberMarker = page.NextPartNumberMarker
		}
		s.check("parts", found, []string{"1:1:true", "2:2:true", "5:5:true", "9:9:true"})
		abort := func() (*obs.BaseModel, error) {
			return s.client.AbortMultipartUpload(&obs.AbortMultipartUploadInput{Bucket: bucket, Key: "a b", UploadId: upload})
		}
		s.check("status", accept(abort())(t).StatusCode, 204)
		refuse(s.client.ListParts(input))(t, 404, "NoSuchUpload")
		refuse(abort())(t, 404, "NoSuchUpload")
		s.checkUsage(bucket, 0, 0)
	})
}

func TestTheListOfUploads(t *testing.T) {
	each(t, ops("ListMultipartUploads"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		uploads := map[string]bool{}
		for _, key := range []string{"a", "a", "b/1", "b/2 ü", "c"} {
			uploads[s.begin(bucket, key)] = true
		}
		keys := func(listing *obs.ListMultipartUploadsOutput) (keys []string) {
			for _, upload := range listing.Uploads {
				keys = append(keys, upload.Key)
				s.check("is ours", uploads[upload.UploadId], true)
				s.check("has a time", upload.Initiated.IsZero(), false)
				s.check("owner", upload.Owner.ID, s.accountID(s.client))
			}
			return
		}
		list := func(input obs.ListMultipartUploadsInput) *obs.ListMultipartUploadsOutput {
			input.Bucket = bucket
			return accept(s.client.ListMultipartUploads(&input))(t)
		}
		s.check("keys", keys(list(obs.ListMultipartUploadsInput{})), []string{"a", "a", "b/1", "b/2 ü", "c"})
		for _, encoding := range []string{"", "url"} {
			s.check("keys", keys(list(obs.ListMultipartUploadsInput{Prefix: "b/", EncodingType: encoding})), []string{"b/1", "b/2 ü"})
		}
		grouped := list(obs.ListMultipartUploadsInput{Delimiter: "/"})
		s.check("keys", keys(grouped), []string{"a", "a", "c"})
		s.check("prefixes", grouped.CommonPrefixes, []string{"b/"})
		var found []string
		input := obs.ListMultipartUploadsInput{MaxUploads: 1}
		for pages := 0; ; pages++ {
			page := list(input)
			s.check("maximum", page.MaxUploads, 1)
			found = append(found, keys(page)...)
			if !page.IsTruncated || pages > 5 {
				break
			}
			input.KeyMarker, input.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
		}
		s.check("keys", found, []string{"a", "a", "b/1", "b/2 ü", "c"})
		refuse(s.client.DeleteBucket(bucket))(t, 409, "BucketNotEmpty")
	})
}

func TestUploadsThatFail(t *testing.T) {
	each(t, ops("CompleteMultipartUpload"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		upload := s.begin(bucket, "a")
		small := s.part(bucket, "a", upload, 1, []byte("small"))
		last := s.part(bucket, "a", upload, 2, []byte("last"))
		refuse(s.tryComplete(bucket, "a", "0123456789ABCDEF0123456789ABCDEF", small))(t, 404, "NoSuchUpload")
		refuse(s.tryComplete(bucket, "a", upload, small, obs.Part{PartNumber: 3, ETag: last.ETag}))(t, 400, "InvalidPart")
		refuse(s.tryComplete(bucket, "a", upload, small, obs.Part{PartNumber: 2, ETag: small.ETag}))(t, 400, "InvalidPart")
		refuse(s.tryComplete(bucket, "a", upload, small, last))(t, 400, "EntityTooSmall")
		refuse(s.tryComplete(bucket, "a", upload, small, small))(t, 400, "InvalidPartOrder")
		s.checkUsage(bucket, 9, 0)
		// After all these, it can still be completed; once more changes nothing.
		whole := accept(s.tryComplete(bucket, "a", upload, last))(t)
		s.check("etag", accept(s.tryComplete(bucket, "a", upload, last))(t).ETag, whole.ETag)
		s.checkContent(bucket, "a", "last")
		s.checkUsage(bucket, 4, 1)
	})
}
