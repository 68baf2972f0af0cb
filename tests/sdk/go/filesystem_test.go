package sdk

import (
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

func (s *session) filesystem() string {
	s.t.Helper()
	return s.bucket(func(input *obs.CreateBucketInput) { input.IsFSFileInterface = true })
}

func TestAFileSystem(t *testing.T) {
	each(t, ops("CreateBucket", "HeadBucket", "ListBuckets"), func(t *testing.T, s *session) {
		filesystem, plain := s.filesystem(), s.bucket()
		for bucket, status := range map[string]obs.FSStatusType{filesystem: obs.FSStatusEnabled, plain: obs.FSStatusDisabled} {
			input := &obs.GetBucketFSStatusInput{}
			input.Bucket = bucket
			// Its own FSStatus stays empty: the SDK looks for the header under a name it has already shortened.
			s.check("status", accept(s.client.GetBucketFSStatus(input))(t).GetBucketMetadataOutput.FSStatus, status)
		}
		for kind, bucket := range map[obs.BucketType]string{obs.POSIX: filesystem, obs.OBJECT: plain} {
			var found bool
			for _, entry := range accept(s.client.ListBuckets(&obs.ListBucketsInput{BucketType: kind}))(t).Buckets {
				s.check("type", entry.BucketType, kind)
				found = found || entry.Name == bucket
			}
			s.check("is listed", found, true)
		}
	})
}

func TestModify(t *testing.T) {
	each(t, ops("ModifyObject"), func(t *testing.T, s *session) {
		bucket := s.filesystem()
		s.put(bucket, "file", "0123456789")
		modify := func(bucket, content string, position int64) (*obs.ModifyObjectOutput, error) {
			return s.client.ModifyObject(&obs.ModifyObjectInput{
				Bucket: bucket, Key: "file", Body: strings.NewReader(content), ContentLength: int64(len(content)), Position: position,
			})
		}
		accept(modify(bucket, "abc", 2))(t)
		s.checkContent(bucket, "file", "01abc56789")
		accept(modify(bucket, "end", 9))(t)
		s.checkContent(bucket, "file", "01abc5678end")
		s.checkUsage(bucket, 12, 1)
		plain := s.bucket()
		s.put(plain, "file", "0123456789")
		_, err := modify(plain, "abc", 2)
		fault, _ := err.(obs.ObsError)
		s.check("status in an ordinary bucket", fault.StatusCode, 405)
		s.checkContent(plain, "file", "0123456789")
	})
}

func TestRename(t *testing.T) {
	each(t, ops("RenameObject"), func(t *testing.T, s *session) {
		bucket := s.filesystem()
		folder := &obs.NewFolderInput{}
		folder.Bucket, folder.Key = bucket, "folder"
		accept(s.client.NewFolder(folder))(t)
		s.put(bucket, "folder/file ü", "content")
		accept(s.client.RenameFile(&obs.RenameFileInput{Bucket: bucket, Key: "folder/file ü", NewObjectKey: "folder/new+name"}))(t)
		s.checkContent(bucket, "folder/new+name", "content")
		refuse(s.tryGet(s.client, bucket, "folder/file ü"))(t, 404, "NoSuchKey")
		accept(s.client.RenameFolder(&obs.RenameFolderInput{Bucket: bucket, Key: "folder", NewObjectKey: "other"}))(t)
		s.checkContent(bucket, "other/new+name", "content")
		refuse(s.tryGet(s.client, bucket, "folder/new+name"))(t, 404, "NoSuchKey")
		refuse(s.client.RenameFile(&obs.RenameFileInput{Bucket: bucket, Key: "missing", NewObjectKey: "x"}))(t, 404, "NoSuchKey")
		s.put(bucket, "taken", "a")
		refuse(s.client.RenameFile(&obs.RenameFileInput{
			Bucket: bucket, Key: "taken", NewObjectKey: "other/new+name",
		}))(t, 409, "FsObjectConflict")
		attributes := &obs.GetAttributeInput{}
		attributes.Bucket, attributes.Key = bucket, "other/new+name"
		s.check("length", accept(s.client.GetAttribute(attributes))(t).ContentLength, 7)
		posix := &obs.ListPosixObjectsInput{}
		posix.Bucket, posix.Delimiter = bucket, "/"
		listing := accept(s.client.ListPosixObjects(posix))(t)
		s.check("number of keys", len(listing.Contents), 1)
		s.check("number of prefixes", len(listing.CommonPrefixes), 1)
		s.check("prefix", listing.CommonPrefixes[0].Prefix, "other/")
		refuse(s.client.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: "other/"}))(t, 409, "DirectoryNotEmpty")
	})
}
