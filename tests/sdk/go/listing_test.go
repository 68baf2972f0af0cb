package sdk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

var listed = []string{"a", "a/1", "a/2", "a/b/3", "b/1", "b/2", "c", "d/e/f"}

func (s *session) filled() string {
	s.t.Helper()
	bucket := s.bucket()
	for i := len(listed) - 1; i >= 0; i-- {
		s.put(bucket, listed[i], listed[i])
	}
	return bucket
}

func keysOf(listing *obs.ListObjectsOutput) (keys []string) {
	for _, entry := range listing.Contents {
		keys = append(keys, entry.Key)
	}
	return
}

func TestWhatIsListed(t *testing.T) {
	each(t, ops("ListObjects"), func(t *testing.T, s *session) {
		bucket := s.filled()
		for _, asked := range []struct{ prefix, marker, delimiter, keys, prefixes string }{
			{"", "", "", strings.Join(listed, " "), ""},
			{"a", "", "", "a a/1 a/2 a/b/3", ""},
			{"zzz", "", "", "", ""},
			{"", "b/1", "", "b/2 c d/e/f", ""},
			{"", "b", "", "b/1 b/2 c d/e/f", ""},
			{"", "", "/", "a c", "a/ b/ d/"},
			{"a/", "", "/", "a/1 a/2", "a/b/"},
			{"", "a/", "/", "c", "b/ d/"},
			{"", "", "e/", "a a/1 a/2 a/b/3 b/1 b/2 c", "d/e/"},
		} {
			for _, encoding := range []string{"", "url"} {
				listing := accept(s.client.ListObjects(&obs.ListObjectsInput{
					Bucket: bucket,
					Marker: asked.marker,
					ListObjsInput: obs.ListObjsInput{
						Prefix: asked.prefix, Delimiter: asked.delimiter, EncodingType: encoding,
					},
				}))(t)
				s.check("keys", strings.Join(keysOf(listing), " "), asked.keys)
				s.check("prefixes", strings.Join(listing.CommonPrefixes, " "), asked.prefixes)
				s.check("is cut", listing.IsTruncated, false)
				s.check("what was asked", fmt.Sprint(listing.Name, listing.Prefix, listing.Marker, listing.Delimiter),
					fmt.Sprint(bucket, asked.prefix, asked.marker, asked.delimiter))
				// `Location` itself is filled by V2 alone: the SDK looks for one name in both modes.
				s.check("location", listing.ResponseHeaders[pick(s, "bucket-location", "bucket-region")], []string{region})
			}
		}
	})
}

func TestAnEntryIsWhole(t *testing.T) {
	each(t, ops("ListObjects"), func(t *testing.T, s *session) {
		bucket := s.filled()
		listing := accept(s.client.ListObjects(&obs.ListObjectsInput{
			Bucket: bucket, ListObjsInput: obs.ListObjsInput{Prefix: "a/b/"},
		}))(t)
		entry, head := listing.Contents[0], s.head(bucket, "a/b/3")
		s.check("size", entry.Size, 5)
		s.check("etag", entry.ETag, head.ETag)
		s.check("time", entry.LastModified.Unix(), head.LastModified.Unix())
		s.check("class", entry.StorageClass, obs.StorageClassStandard)
		s.check("owner", entry.Owner.ID, s.accountID(s.client))
	})
}

func TestPages(t *testing.T) {
	each(t, ops("ListObjects"), func(t *testing.T, s *session) {
		bucket := s.filled()
		for size := 1; size <= len(listed)+1; size++ {
			var keys []string
			input := &obs.ListObjectsInput{Bucket: bucket, ListObjsInput: obs.ListObjsInput{MaxKeys: size}}
			for page := 0; ; page++ {
				if page > len(listed) {
					t.Fatal("the listing does not end")
				}
				listing := accept(s.client.ListObjects(input))(t)
				s.check("maximum", listing.MaxKeys, size)
				keys = append(keys, keysOf(listing)...)
				if !listing.IsTruncated {
					break
				}
				s.check("length of a page", len(listing.Contents), size)
				input.Marker = listing.NextMarker
			}
			s.check("keys", keys, listed)
		}
	})
}
