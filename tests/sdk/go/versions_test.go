package sdk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

func (s *session) setVersioning(bucket string, status obs.VersioningStatusType) {
	s.t.Helper()
	accept(s.client.SetBucketVersioning(&obs.SetBucketVersioningInput{
		Bucket: bucket, BucketVersioningConfiguration: obs.BucketVersioningConfiguration{Status: status},
	}))(s.t)
}

// versioned is a bucket that keeps versions; every one of them is gone afterwards.
func (s *session) versioned() string {
	s.t.Helper()
	bucket := s.bucket()
	s.t.Cleanup(func() {
		listing := accept(s.client.ListVersions(&obs.ListVersionsInput{Bucket: bucket}))(s.t)
		for _, version := range listing.Versions {
			s.deleteVersion(bucket, version.Key, version.VersionId)
		}
		for _, marker := range listing.DeleteMarkers {
			s.deleteVersion(bucket, marker.Key, marker.VersionId)
		}
	})
	s.setVersioning(bucket, obs.VersioningStatusEnabled)
	return bucket
}

func (s *session) deleteVersion(bucket, key, version string) *obs.DeleteObjectOutput {
	s.t.Helper()
	return accept(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: version}))(s.t)
}

func (s *session) readVersion(bucket, key, version string) string {
	s.t.Helper()
	output, content := s.get(bucket, key, func(input *obs.GetObjectInput) { input.VersionId = version })
	s.check("version", output.VersionId, version)
	return content
}

func TestTheStateOfVersioning(t *testing.T) {
	each(t, ops("PutBucketVersioning", "GetBucketVersioning"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		state := func() obs.VersioningStatusType { return accept(s.client.GetBucketVersioning(bucket))(t).Status }
		s.check("state", state(), "")
		for _, status := range []obs.VersioningStatusType{obs.VersioningStatusEnabled, obs.VersioningStatusSuspended, obs.VersioningStatusEnabled} {
			s.setVersioning(bucket, status)
			s.check("state", state(), status)
		}
		_, err := s.client.SetBucketVersioning(&obs.SetBucketVersioningInput{
			Bucket: bucket, BucketVersioningConfiguration: obs.BucketVersioningConfiguration{Status: "Perhaps"},
		})
		fault, _ := err.(obs.ObsError)
		s.check("status of the refusal", fault.StatusCode, 400)
		s.check("state", state(), obs.VersioningStatusEnabled)
	})
}

func TestVersionsOfAnObject(t *testing.T) {
	each(t, ops("PutObject", "GetObject", "HeadObject", "DeleteObject"), func(t *testing.T, s *session) {
		bucket := s.versioned()
		first, second := s.put(bucket, "a", "one").VersionId, s.put(bucket, "a", "second").VersionId
		s.check("versions differ", first != "" && second != "" && first != second, true)
		s.checkContent(bucket, "a", "second")
		s.check("content", s.readVersion(bucket, "a", first), "one")
		s.check("content", s.readVersion(bucket, "a", second), "second")
		s.checkUsage(bucket, 9, 2)
		head := accept(s.client.GetObjectMetadata(&obs.GetObjectMetadataInput{Bucket: bucket, Key: "a", VersionId: first}))(t)
		s.check("length", head.ContentLength, 3)
		s.check("version", s.head(bucket, "a").VersionId, second)
		refuse(s.tryGet(s.client, bucket, "a", func(input *obs.GetObjectInput) {
			input.VersionId = "0123456789ABCDEF0123456789ABCDEF"
		}))(t, 404, "NoSuchVersion")

		deleted := accept(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: "a"}))(t)
		s.check("made a marker", deleted.DeleteMarker, true)
		refuse(s.tryGet(s.client, bucket, "a"))(t, 404, "NoSuchKey")
		s.check("content", s.readVersion(bucket, "a", second), "second")
		refuse(s.tryGet(s.client, bucket, "a", func(input *obs.GetObjectInput) {
			input.VersionId = deleted.VersionId
		}))(t, 405, "MethodNotAllowed")
		undone := s.deleteVersion(bucket, "a", deleted.VersionId)
		s.check("was a marker", undone.DeleteMarker, true)
		s.check("version", undone.VersionId, deleted.VersionId)
		s.checkContent(bucket, "a", "second")
		s.deleteVersion(bucket, "a", second)
		s.checkContent(bucket, "a", "one")
		s.checkUsage(bucket, 3, 1)
	})
}

func TestSuspendedVersions(t *testing.T) {
	each(t, ops("PutObject", "DeleteObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "a", "before") // the null version
		s.t.Cleanup(func() { s.deleteVersion(bucket, "a", "null") })
		s.setVersioning(bucket, obs.VersioningStatusEnabled)
		kept := s.put(bucket, "a", "kept").VersionId
		s.setVersioning(bucket, obs.VersioningStatusSuspended)
		s.check("content", s.readVersion(bucket, "a", "null"), "before")
		s.check("version", s.put(bucket, "a", "after").VersionId, "") // takes the place of the null version
		s.check("content", s.readVersion(bucket, "a", "null"), "after")
		s.checkUsage(bucket, 9, 2)
		deleted := accept(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: "a"}))(t)
		s.check("made a marker", deleted.DeleteMarker, true)
		s.check("version", deleted.VersionId, "null")
		s.checkUsage(bucket, 4, 1)
		s.check("content", s.readVersion(bucket, "a", kept), "kept")
		s.deleteVersion(bucket, "a", kept)
	})
}

func TestTheListOfVersions(t *testing.T) {
	each(t, ops("ListObjectVersions"), func(t *testing.T, s *session) {
		bucket := s.versioned()
		older := map[string]string{}
		for _, key := range []string{"a", "b/1 ü", "b/2", "c"} {
			older[key] = s.put(bucket, key, "one").VersionId
			s.put(bucket, key, "second")
		}
		accept(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: "c"}))(t)
		list := func(input obs.ListVersionsInput) *obs.ListVersionsOutput {
			input.Bucket = bucket
			return accept(s.client.ListVersions(&input))(t)
		}
		lines := func(listing *obs.ListVersionsOutput) (lines []string) {
			for _, version := range listing.Versions {
				lines = append(lines, fmt.Sprintf("%s:%d:%v", version.Key, version.Size, version.IsLatest))
				s.check("is the older one", version.VersionId == older[version.Key], version.Size == 3)
				s.check("owner", version.Owner.ID, s.accountID(s.client))
				s.check("class", version.StorageClass, obs.StorageClassStandard)
			}
			for _, marker := range listing.DeleteMarkers {
				lines = append(lines, fmt.Sprintf("%s:marker:%v", marker.Key, marker.IsLatest))
			}
			return
		}
		all := []string{
			"a:6:true", "a:3:false", "b/1 ü:6:true", "b/1 ü:3:false", "b/2:6:true", "b/2:3:false",
			"c:6:false", "c:3:false", "c:marker:true",
		}
		whole := list(obs.ListVersionsInput{})
		s.check("versions", lines(whole), all)
		s.check("name", whole.Name, bucket)
		for _, encoding := range []string{"", "url"} {
			prefixed := list(obs.ListVersionsInput{ListObjsInput: obs.ListObjsInput{Prefix: "b/", EncodingType: encoding}})
			s.check("versions", lines(prefixed), all[2:6])
		}
		grouped := list(obs.ListVersionsInput{ListObjsInput: obs.ListObjsInput{Delimiter: "/"}})
		s.check("versions", lines(grouped), []string{all[0], all[1], all[6], all[7], all[8]})
		s.check("prefixes", grouped.CommonPrefixes, []string{"b/"})
		for size := 1; size < 10; size++ {
			var versions, markers []string
			input := obs.ListVersionsInput{ListObjsInput: obs.ListObjsInput{MaxKeys: size}}
			for pages := 0; pages < 20; pages++ {
				page := list(input)
				for _, line := range lines(page) {
					if strings.Contains(line, "marker") {
						markers = append(markers, line)
					} else {
						versions = append(versions, line)
					}
				}
				if !page.IsTruncated {
					break
				}
				s.check("length of a page", len(page.Versions)+len(page.DeleteMarkers), size)
				input.KeyMarker, input.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
			}
			s.check("versions", append(versions, markers...), all)
		}
		plain := accept(s.client.ListObjects(&obs.ListObjectsInput{Bucket: bucket}))(t)
		s.check("keys", keysOf(plain), []string{"a", "b/1 ü", "b/2"})
	})
}

func TestWhatElseTakesAVersion(t *testing.T) {
	each(t, ops("CopyObject", "CopyPart", "DeleteObjects", "PutObjectAcl", "GetObjectAcl", "SetObjectMetadata"), func(t *testing.T, s *session) {
		bucket := s.versioned()
		first, second := s.put(bucket, "a", "one").VersionId, s.put(bucket, "a", "second").VersionId
		copied := accept(s.tryCopy(bucket, "a", bucket, "copy", func(input *obs.CopyObjectInput) { input.CopySourceVersionId = first }))(t)
		s.check("source version", copied.CopySourceVersionId, first)
		s.check("has a version", copied.VersionId != "", true)
		s.checkContent(bucket, "copy", "one")

		upload := s.begin(bucket, "parts")
		part := accept(s.client.CopyPart(&obs.CopyPartInput{
			Bucket: bucket, Key: "parts", UploadId: upload, PartNumber: 1,
			CopySourceBucket: bucket, CopySourceKey: "a", CopySourceVersionId: first,
		}))(t)
		whole := accept(s.tryComplete(bucket, "parts", upload, obs.Part{PartNumber: 1, ETag: part.ETag}))(t)
		s.check("content", s.readVersion(bucket, "parts", whole.VersionId), "one")

		accept(s.client.SetObjectAcl(&obs.SetObjectAclInput{Bucket: bucket, Key: "a", VersionId: first, ACL: obs.AclPublicRead}))(t)
		for version, grants := range map[string]int{first: 2, second: 1} {
			list := accept(s.client.GetObjectAcl(&obs.GetObjectAclInput{Bucket: bucket, Key: "a", VersionId: version}))(t)
			s.check("number of grants", len(list.Grants), grants)
		}
		accept(s.client.SetObjectMetadata(&obs.SetObjectMetadataInput{
			Bucket: bucket, Key: "a", VersionId: first, HttpHeader: obs.HttpHeader{ContentType: "text/plain"},
		}))(t)
		s.check("type", s.head(bucket, "a").ContentType, "binary/octet-stream")
		older := accept(s.client.GetObjectMetadata(&obs.GetObjectMetadataInput{Bucket: bucket, Key: "a", VersionId: first}))(t)
		s.check("type", older.ContentType, "text/plain")

		deleted := accept(s.client.DeleteObjects(&obs.DeleteObjectsInput{Bucket: bucket, Objects: []obs.ObjectToDelete{
			{Key: "a", VersionId: first}, {Key: "copy"},
		}}))(t).Deleteds
		s.check("number of deleted", len(deleted), 2)
		s.check("version", deleted[0].VersionId, first)
		s.check("is a marker", deleted[0].DeleteMarker, false)
		s.check("made a marker", deleted[1].DeleteMarker, true)
		s.check("marker has a version", deleted[1].DeleteMarkerVersionId != "", true)
		s.checkContent(bucket, "a", "second")
		refuse(s.tryGet(s.client, bucket, "copy"))(t, 404, "NoSuchKey")
	})
}
