package sdk

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

func TestTheClassOfAnObject(t *testing.T) {
	each(t, ops("PutObject", "HeadObject", "ListObjects"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		for _, class := range []obs.StorageClassType{obs.StorageClassWarm, obs.StorageClassCold, obs.StorageClassDeepArchive} {
			stored := s.put(bucket, string(class), "a", func(input *obs.PutObjectInput) { input.StorageClass = class })
			s.check("class", stored.StorageClass, class)
			s.check("class", s.head(bucket, string(class)).StorageClass, class)
			entry := accept(s.client.ListObjects(&obs.ListObjectsInput{
				Bucket: bucket, ListObjsInput: obs.ListObjsInput{Prefix: string(class)},
			}))(t).Contents[0]
			s.check("class", obs.ParseStringToStorageClassType(string(entry.StorageClass)), class)
		}
	})
}

func TestRestore(t *testing.T) {
	each(t, ops("RestoreObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "cold", "cold", func(input *obs.PutObjectInput) { input.StorageClass = obs.StorageClassCold })
		s.put(bucket, "standard", "a")
		restore := func(key string, days int) (*obs.BaseModel, error) {
			return s.client.RestoreObject(&obs.RestoreObjectInput{Bucket: bucket, Key: key, Days: days, Tier: obs.RestoreTierExpedited})
		}
		refuse(s.tryGet(s.client, bucket, "cold"))(t, 403, "InvalidObjectState")
		refuse(restore("cold", 31))(t, 400, "InvalidArgument")
		refuse(restore("standard", 1))(t, 403, "InvalidObjectState")
		refuse(restore("missing", 1))(t, 404, "NoSuchKey")
		s.check("restore", s.head(bucket, "cold").Restore, "")
		s.check("status", accept(restore("cold", 2))(t).StatusCode, 202)
		s.check("has a state", s.head(bucket, "cold").Restore != "", true)
	})
}

func TestExpiryAndRedirectOfAnObject(t *testing.T) {
	each(t, ops("PutObject", "HeadObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "a", "a", func(input *obs.PutObjectInput) {
			input.Expires, input.WebsiteRedirectLocation = 3, "/elsewhere"
		})
		head := s.head(bucket, "a")
		s.check("redirect", head.WebsiteRedirectLocation, "/elsewhere")
		s.check("has an expiry", strings.HasPrefix(head.Expiration, `expiry-date="`), true)
	})
}

func TestTheListOfAnObject(t *testing.T) {
	each(t, ops("PutObject", "PutObjectAcl", "GetObjectAcl"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		_, stranger := s.account()
		owner, other := s.accountID(s.client), s.accountID(stranger)
		acl := func(key string) string {
			return s.grants(accept(s.client.GetObjectAcl(&obs.GetObjectAclInput{Bucket: bucket, Key: key}))(t).Grants)
		}
		// In a list of an object the SDK reads no group of the OBS dialect.
		everyone := pick(s, "", "AllUsers")
		s.put(bucket, "public", "a", func(input *obs.PutObjectInput) { input.ACL = obs.AclPublicRead })
		s.put(bucket, "granted", "a", func(input *obs.PutObjectInput) { input.GrantReadId = "id=" + other })
		s.put(bucket, "a", "a")
		s.check("list", acl("public"), sorted(owner+":FULL_CONTROL", everyone+":READ"))
		s.check("list", acl("granted"), other+":READ")
		s.check("list", acl("a"), owner+":FULL_CONTROL")
		accept(s.tryGet(s.nobody(), bucket, "public"))(t)
		accept(s.tryGet(stranger, bucket, "granted"))(t)
		refuse(s.tryGet(s.nobody(), bucket, "granted"))(t, 403, "AccessDenied")
		refuse(s.tryGet(stranger, bucket, "a"))(t, 403, "AccessDenied")

		accept(s.client.SetObjectAcl(&obs.SetObjectAclInput{Bucket: bucket, Key: "a", ACL: obs.AclPublicRead}))(t)
		accept(s.tryGet(s.nobody(), bucket, "a"))(t)
		input := &obs.SetObjectAclInput{Bucket: bucket, Key: "a"}
		input.Owner.ID, input.Delivered = owner, "false"
		input.Grants = []obs.Grant{
			{Grantee: obs.Grantee{Type: obs.GranteeUser, ID: owner}, Permission: obs.PermissionFullControl},
			{Grantee: obs.Grantee{Type: obs.GranteeUser, ID: other}, Permission: obs.PermissionRead},
		}
		accept(s.client.SetObjectAcl(input))(t)
		s.check("list", acl("a"), sorted(owner+":FULL_CONTROL", other+":READ"))
		accept(s.tryGet(stranger, bucket, "a"))(t)
		refuse(s.tryGet(s.nobody(), bucket, "a"))(t, 403, "AccessDenied")
		refuse(s.client.GetObjectAcl(&obs.GetObjectAclInput{Bucket: bucket, Key: "missing"}))(t, 404, "NoSuchKey")
	})
}

func (s *session) tryCopy(source, sourceKey, target, targetKey string, with ...func(*obs.CopyObjectInput)) (*obs.CopyObjectOutput, error) {
	input := &obs.CopyObjectInput{CopySourceBucket: source, CopySourceKey: sourceKey}
	input.Bucket, input.Key = target, targetKey
	for _, change := range with {
		change(input)
	}
	return s.client.CopyObject(input)
}

func TestCopy(t *testing.T) {
	each(t, ops("CopyObject"), func(t *testing.T, s *session) {
		source, target := s.bucket(), s.bucket()
		const key = "ü b/a+b?c"
		s.put(source, key, alphabet, func(input *obs.PutObjectInput) {
			input.ContentType, input.Metadata = "text/x-letters", map[string]string{"colour": "blue"}
		})
		copied := accept(s.tryCopy(source, key, target, "copy"))(t)
		s.check("etag", copied.ETag, etag(alphabet))
		s.check("has a time", copied.LastModified.IsZero(), false)
		s.checkContent(target, "copy", alphabet)
		head := s.head(target, "copy")
		s.check("type", head.ContentType, "text/x-letters")
		s.check("metadata", head.Metadata, map[string]string{"colour": "blue"})
		s.checkUsage(target, 26, 1)

		accept(s.tryCopy(source, key, target, "replaced", func(input *obs.CopyObjectInput) {
			input.MetadataDirective = obs.ReplaceMetadata
			input.ContentType, input.CacheControl = "text/x-other", "no-cache"
			input.Metadata = map[string]string{"shape": "round"}
			input.StorageClass, input.ACL = obs.StorageClassWarm, obs.AclPublicRead
		}))(t)
		head = s.head(target, "replaced")
		s.check("type", head.ContentType, "text/x-other")
		s.check("caching", head.CacheControl, "no-cache")
		s.check("metadata", head.Metadata, map[string]string{"shape": "round"})
		s.check("class", head.StorageClass, obs.StorageClassWarm)
		accept(s.tryGet(s.nobody(), target, "replaced"))(t)

		// Onto itself: new metadata on the same bytes.
		refuse(s.tryCopy(target, "copy", target, "copy"))(t, 400, "InvalidRequest")
		accept(s.tryCopy(target, "copy", target, "copy", func(input *obs.CopyObjectInput) {
			input.MetadataDirective, input.ContentType = obs.ReplaceMetadata, "text/plain"
		}))(t)
		s.check("type", s.head(target, "copy").ContentType, "text/plain")
		s.checkContent(target, "copy", alphabet)
		s.checkUsage(target, 52, 2)
		refuse(s.tryCopy(source, "missing", target, "x"))(t, 404, "NoSuchKey")
		refuse(s.tryCopy(s.newName(), "a", target, "x"))(t, 404, "NoSuchBucket")
	})
}

func TestConditionsOfACopy(t *testing.T) {
	each(t, ops("CopyObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "a", alphabet)
		changed := s.head(bucket, "a").LastModified
		for i, condition := range []struct {
			holds bool
			ask   func(*obs.CopyObjectInput)
		}{
			{true, func(input *obs.CopyObjectInput) { input.CopySourceIfMatch = etag(alphabet) }},
			{false, func(input *obs.CopyObjectInput) { input.CopySourceIfMatch = etag("other") }},
			{true, func(input *obs.CopyObjectInput) { input.CopySourceIfNoneMatch = etag("other") }},
			{false, func(input *obs.CopyObjectInput) { input.CopySourceIfNoneMatch = etag(alphabet) }},
			{true, func(input *obs.CopyObjectInput) { input.CopySourceIfModifiedSince = changed.Add(-time.Hour) }},
			{false, func(input *obs.CopyObjectInput) { input.CopySourceIfModifiedSince = changed }},
			{true, func(input *obs.CopyObjectInput) { input.CopySourceIfUnmodifiedSince = changed }},
			{false, func(input *obs.CopyObjectInput) { input.CopySourceIfUnmodifiedSince = changed.Add(-time.Hour) }},
		} {
			target := fmt.Sprintf("copy-%d", i)
			if condition.holds {
				accept(s.tryCopy(bucket, "a", bucket, target, condition.ask))(t)
			} else {
				refuse(s.tryCopy(bucket, "a", bucket, target, condition.ask))(t, 412, "PreconditionFailed")
			}
		}
		s.checkUsage(bucket, 5*26, 5)
	})
}

func TestAppend(t *testing.T) {
	each(t, ops("AppendObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		add := func(key, content string, position int64) (*obs.AppendObjectOutput, error) {
			input := &obs.AppendObjectInput{Body: strings.NewReader(content), Position: position}
			input.Bucket, input.Key, input.ContentMD5 = bucket, key, contentMD5(content)
			input.ContentType, input.Metadata = "text/x-log", map[string]string{"colour": "blue"}
			return s.client.AppendObject(input)
		}
		first := accept(add("log", "one,", 0))(t)
		s.check("position", first.NextAppendPosition, 4)
		s.check("etag", first.ETag, etag("one,"))
		s.check("position", accept(add("log", "two,", 4))(t).NextAppendPosition, 8)
		refuse(add("log", "again", 4))(t, 409, "PositionNotEqualToLength")
		s.check("position", accept(add("log", "three", 8))(t).NextAppendPosition, 13)
		s.checkContent(bucket, "log", "one,two,three")
		head := s.head(bucket, "log")
		s.check("kind", head.ObjectType, "Appendable")
		s.check("position", head.NextAppendPosition, "13")
		s.check("type", head.ContentType, "text/x-log")
		s.check("metadata", head.Metadata, map[string]string{"colour": "blue"})
		s.checkUsage(bucket, 13, 1)
		s.put(bucket, "normal", "a")
		refuse(add("normal", "b", 1))(t, 409, "ObjectNotAppendable")
	})
}

func TestMetadata(t *testing.T) {
	each(t, ops("SetObjectMetadata", "HeadObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "a", alphabet, func(input *obs.PutObjectInput) {
			input.ContentType, input.CacheControl = "text/x-letters", "no-cache"
			input.Metadata = map[string]string{"colour": "blue", "shape": "round"}
		})
		changed := accept(s.client.SetObjectMetadata(&obs.SetObjectMetadataInput{
			Bucket: bucket, Key: "a",
			HttpHeader:              obs.HttpHeader{ContentLanguage: "de"},
			Metadata:                map[string]string{"colour": "red"},
			StorageClass:            obs.StorageClassWarm,
			WebsiteRedirectLocation: "/elsewhere",
		}))(t)
		s.check("directive", changed.MetadataDirective, obs.ReplaceNew)
		head := s.head(bucket, "a")
		s.check("type", head.ContentType, "text/x-letters")
		s.check("caching", head.CacheControl, "no-cache")
		s.check("language", head.ContentLanguage, "de")
		s.check("metadata", head.Metadata, map[string]string{"colour": "red", "shape": "round"})
		s.check("class", head.StorageClass, obs.StorageClassWarm)
		s.check("redirect", head.WebsiteRedirectLocation, "/elsewhere")
		s.check("etag", head.ETag, etag(alphabet))

		accept(s.client.SetObjectMetadata(&obs.SetObjectMetadataInput{
			Bucket: bucket, Key: "a",
			MetadataDirective: obs.ReplaceMetadata,
			Metadata:          map[string]string{"size": "small"},
		}))(t)
		head = s.head(bucket, "a")
		s.check("type", head.ContentType, "binary/octet-stream")
		s.check("caching", head.CacheControl, "")
		s.check("language", head.ContentLanguage, "")
		s.check("metadata", head.Metadata, map[string]string{"size": "small"})
		s.check("class", head.StorageClass, obs.StorageClassWarm)
		s.checkContent(bucket, "a", alphabet)
		refuse(s.client.SetObjectMetadata(&obs.SetObjectMetadataInput{Bucket: bucket, Key: "missing"}))(t, 404, "NoSuchKey")
	})
}

func TestManyDeletedAtOnce(t *testing.T) {
	each(t, ops("DeleteObjects"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		keys := []string{"a", "b/ü", "c <&> \"d\"", "e+f g"}
		fill := func() (objects []obs.ObjectToDelete) {
			for _, key := range keys {
				s.put(bucket, key, key)
				objects = append(objects, obs.ObjectToDelete{Key: key})
			}
			return append(objects, obs.ObjectToDelete{Key: "missing"})
		}
		for _, encoding := range []string{"", "url"} {
			verbose := accept(s.client.DeleteObjects(&obs.DeleteObjectsInput{Bucket: bucket, Objects: fill(), EncodingType: encoding}))(t)
			var deleted []string
			for _, entry := range verbose.Deleteds {
				deleted = append(deleted, entry.Key)
			}
			s.check("deleted", deleted, append(keys[:len(keys):len(keys)], "missing"))
			s.check("errors", len(verbose.Errors), 0)
			s.checkUsage(bucket, 0, 0)
		}
		quiet := accept(s.client.DeleteObjects(&obs.DeleteObjectsInput{Bucket: bucket, Quiet: true, Objects: fill()}))(t)
		s.check("deleted", len(quiet.Deleteds), 0)
		s.check("errors", len(quiet.Errors), 0)
		s.checkUsage(bucket, 0, 0)
	})
}
