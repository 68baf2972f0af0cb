package sdk

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

const alphabet = "abcdefghijklmnopqrstuvwxyz"

func etag(content string) string {
	sum := md5.Sum([]byte(content))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func contentMD5(content string) string {
	sum := md5.Sum([]byte(content))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestAnObjectFromBirthToDeath(t *testing.T) {
	each(t, ops("PutObject", "GetObject", "HeadObject", "DeleteObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		stored := s.put(bucket, "letters", alphabet)
		s.check("etag", stored.ETag, etag(alphabet))
		read, content := s.get(bucket, "letters")
		s.check("content", content, alphabet)
		s.check("etag", read.ETag, etag(alphabet))
		head := s.head(bucket, "letters")
		s.check("length", head.ContentLength, 26)
		s.check("etag", head.ETag, etag(alphabet))
		s.check("type", head.ContentType, "binary/octet-stream")
		s.check("is recent", time.Since(head.LastModified).Abs() < time.Minute, true)
		accept(s.client.HeadObject(&obs.HeadObjectInput{Bucket: bucket, Key: "letters"}))(t)
		s.checkUsage(bucket, 26, 1)
		deleted := accept(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: "letters"}))(t)
		s.check("marker", deleted.DeleteMarker, false)
		refuse(s.tryGet(s.client, bucket, "letters"))(t, 404, "NoSuchKey")
		refuse(s.client.HeadObject(&obs.HeadObjectInput{Bucket: bucket, Key: "letters"}))(t, 404, "NoSuchKey")
		accept(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: "letters"}))(t) // deleting nothing is no fault
	})
}

func TestSizes(t *testing.T) {
	each(t, ops("PutObject", "GetObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		for _, size := range []int{0, 1, 4096, 65536, 1<<20 + 1, 6 << 20} {
			content := string(pattern(size))
			s.check("etag", s.put(bucket, "a", content).ETag, etag(content))
			s.checkContent(bucket, "a", content)
			s.checkUsage(bucket, int64(size), 1)
		}
	})
}

func TestHeadersOfAnObject(t *testing.T) {
	each(t, ops("PutObject", "HeadObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "letters", alphabet, func(input *obs.PutObjectInput) {
			input.ContentType = "text/x-letters"
			input.ContentEncoding = "identity"
			input.ContentLanguage = "de"
			input.ContentDisposition = `attachment; filename="x y.txt"`
			input.CacheControl = "no-cache"
			input.HttpExpires = "Fri, 01 Jan 2100 00:00:00 GMT"
			input.Metadata = map[string]string{"colour": "blue", "formula": "a+b=100%", "city": "Zürich"}
			input.ContentMD5 = contentMD5(alphabet)
		})
		read, _ := s.get(bucket, "letters")
		for _, output := range []*obs.GetObjectMetadataOutput{s.head(bucket, "letters"), &read.GetObjectMetadataOutput} {
			s.check("type", output.ContentType, "text/x-letters")
			s.check("encoding", output.ContentEncoding, "identity")
			s.check("language", output.ContentLanguage, "de")
			s.check("disposition", output.ContentDisposition, `attachment; filename="x y.txt"`)
			s.check("caching", output.CacheControl, "no-cache")
			s.check("expires", output.HttpExpires, "Fri, 01 Jan 2100 00:00:00 GMT")
			s.check("metadata", output.Metadata, map[string]string{"colour": "blue", "formula": "a+b=100%", "city": "Zürich"})
		}
		s.put(bucket, "letters", "two") // an overwrite replaces the metadata too
		head := s.head(bucket, "letters")
		s.check("metadata", len(head.Metadata), 0)
	})
}

func TestADamagedBodyIsRefused(t *testing.T) {
	each(t, nil, func(t *testing.T, s *session) {
		bucket := s.bucket()
		refuse(s.tryPut(s.client, bucket, "a", "x", func(input *obs.PutObjectInput) {
			input.ContentMD5 = contentMD5("y")
		}))(t, 400, "BadDigest")
		s.checkUsage(bucket, 0, 0)
	})
}

func TestRanges(t *testing.T) {
	each(t, ops("GetObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "letters", alphabet)
		for _, asked := range []struct {
			start, end int64
			content    string
		}{{0, 4, "abcde"}, {5, 9, "fghij"}, {20, 25, "uvwxyz"}, {20, 1000, "uvwxyz"}} {
			output, content := s.get(bucket, "letters", func(input *obs.GetObjectInput) {
				input.RangeStart, input.RangeEnd = asked.start, asked.end
			})
			s.check("content", content, asked.content)
			s.check("status", output.StatusCode, 206)
			s.check("etag", output.ETag, etag(alphabet))
			s.check("length", output.ContentLength, len(asked.content))
		}
		refuse(s.tryGet(s.client, bucket, "letters", func(input *obs.GetObjectInput) {
			input.RangeStart, input.RangeEnd = 26, 30
		}))(t, 416, "InvalidRange")
	})
}

func TestConditions(t *testing.T) {
	each(t, ops("GetObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "a", alphabet)
		changed := s.head(bucket, "a").LastModified
		type change = func(*obs.GetObjectInput)
		for _, holds := range []change{
			func(input *obs.GetObjectInput) { input.IfMatch = etag(alphabet) },
			func(input *obs.GetObjectInput) { input.IfNoneMatch = etag("other") },
			func(input *obs.GetObjectInput) { input.IfModifiedSince = changed.Add(-time.Hour) },
			func(input *obs.GetObjectInput) { input.IfUnmodifiedSince = changed },
		} {
			_, content := s.get(bucket, "a", holds)
			s.check("content", content, alphabet)
		}
		for _, fails := range []change{
			func(input *obs.GetObjectInput) { input.IfMatch = etag("other") },
			func(input *obs.GetObjectInput) { input.IfUnmodifiedSince = changed.Add(-time.Hour) },
		} {
			refuse(s.tryGet(s.client, bucket, "a", fails))(t, 412, "PreconditionFailed")
		}
		for _, unchanged := range []change{
			func(input *obs.GetObjectInput) { input.IfNoneMatch = etag(alphabet) },
			func(input *obs.GetObjectInput) { input.IfModifiedSince = changed },
		} {
			_, err := s.tryGet(s.client, bucket, "a", unchanged)
			fault, _ := err.(obs.ObsError)
			s.check("status", fault.StatusCode, 304)
		}
	})
}

func TestAnswerHeadersAReaderAsksFor(t *testing.T) {
	each(t, ops("GetObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "letters", alphabet)
		output, _ := s.get(bucket, "letters", func(input *obs.GetObjectInput) {
			input.ResponseContentType = "text/x-asked"
			input.ResponseContentLanguage = "de"
			input.ResponseCacheControl = "no-cache"
			input.ResponseContentDisposition = `attachment; filename="x y.txt"`
			input.ResponseContentEncoding = "identity"
			input.ResponseExpires = "Fri, 01 Jan 2100 00:00:00 GMT"
		})
		s.check("type", output.ContentType, "text/x-asked")
		s.check("language", output.ContentLanguage, "de")
		s.check("caching", output.CacheControl, "no-cache")
		s.check("disposition", output.ContentDisposition, `attachment; filename="x y.txt"`)
		s.check("encoding", output.ContentEncoding, "identity")
		s.check("expires", output.Expires, "Fri, 01 Jan 2100 00:00:00 GMT")
	})
}

func TestFilesAndFolders(t *testing.T) {
	each(t, ops("PutObject", "GetObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		content := string(pattern(300_000))
		path := filepath.Join(t.TempDir(), "page.html")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		input := &obs.PutFileInput{SourceFile: path}
		input.Bucket, input.Key = bucket, "page.html"
		s.check("etag", accept(s.client.PutFile(input))(t).ETag, etag(content))
		s.checkContent(bucket, "page.html", content)
		s.check("type", s.head(bucket, "page.html").ContentType, "text/html")
		folder := &obs.NewFolderInput{}
		folder.Bucket, folder.Key = bucket, "folder"
		accept(s.client.NewFolder(folder))(t)
		s.checkContent(bucket, "folder/", "")
		// A body of unknown length goes out in chunks.
		stream := &obs.PutObjectInput{Body: struct{ *strings.Reader }{strings.NewReader(content)}}
		stream.Bucket, stream.Key = bucket, "stream"
		s.check("etag", accept(s.client.PutObject(stream))(t).ETag, etag(content))
		s.checkContent(bucket, "stream", content)
	})
}

func TestOddKeys(t *testing.T) {
	each(t, ops("PutObject", "GetObject", "HeadObject", "DeleteObject", "ListObjects"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		for _, key := range []string{
			"a b", "a+b", "a%20b", "ü/ö/ä", "日本語", "a//b", "./a/../b", "a?b=c&d", "#", "'\"<>&", "~!*()", "a;b,c:d@e=f$g",
			strings.Repeat("k", 1024),
		} {
			s.put(bucket, key, "odd")
			s.checkContent(bucket, key, "odd")
			s.check("length", s.head(bucket, key).ContentLength, 3)
			for _, encoding := range []string{"", "url"} {
				listing := accept(s.client.ListObjects(&obs.ListObjectsInput{
					Bucket: bucket, ListObjsInput: obs.ListObjsInput{Prefix: key, EncodingType: encoding},
				}))(t)
				s.check(fmt.Sprintf("%q in the listing", key), len(listing.Contents), 1)
				s.check("key", listing.Contents[0].Key, key)
				s.check("prefix", listing.Prefix, key)
			}
			accept(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: key}))(t)
			s.checkUsage(bucket, 0, 0)
		}
		refuse(s.tryPut(s.client, bucket, strings.Repeat("k", 1025), "x"))(t, 400, pick(s, "KeyTooLongError", "KeyTooLong"))
	})
}
