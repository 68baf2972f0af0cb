package sdk

import (
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

func TestABucketFromBirthToDeath(t *testing.T) {
	each(t, ops("CreateBucket", "HeadBucket", "DeleteBucket"), func(t *testing.T, s *session) {
		name := s.newName()
		refuse(s.client.HeadBucket(name))(t, 404, "NoSuchBucket")
		created := accept(s.client.CreateBucket(&obs.CreateBucketInput{Bucket: name}))(t)
		s.check("status", created.StatusCode, 200)
		s.check("Location", created.ResponseHeaders["location"], []string{"/" + name})
		s.check("length of the request id", len(created.RequestId), 32)
		accept(s.client.HeadBucket(name))(t)
		accept(s.client.CreateBucket(&obs.CreateBucketInput{Bucket: name}))(t) // again, by its owner: nothing changes
		s.check("status", accept(s.client.DeleteBucket(name))(t).StatusCode, 204)
		refuse(s.client.GetBucketQuota(name))(t, 404, "NoSuchBucket")
		refuse(s.client.DeleteBucket(name))(t, 404, "NoSuchBucket")
	})
}

func TestTheListOfBuckets(t *testing.T) {
	each(t, ops("ListBuckets"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		listing := accept(s.client.ListBuckets(&obs.ListBucketsInput{QueryLocation: true}))(t)
		s.check("length of the owner's id", len(listing.Owner.ID), 32)
		var listed []string
		for _, entry := range listing.Buckets {
			listed = append(listed, entry.Name)
			if entry.Name == bucket {
				s.check("location", entry.Location, region)
				s.check("has a date", entry.CreationDate.IsZero(), false)
				s.check("type", entry.BucketType, "OBJECT")
			}
		}
		s.check("is in order", sort.StringsAreSorted(listed), true)
		s.check("is listed", strings.Contains(strings.Join(listed, " "), bucket), true)
	})
}

func TestTheLocation(t *testing.T) {
	each(t, ops("CreateBucket", "GetBucketLocation", "HeadBucket"), func(t *testing.T, s *session) {
		bucket := s.bucket(func(input *obs.CreateBucketInput) { input.Location = region })
		s.check("location", accept(s.client.GetBucketLocation(bucket))(t).Location, region)
		metadata := accept(s.client.GetBucketMetadata(&obs.GetBucketMetadataInput{Bucket: bucket}))(t)
		s.check("location", metadata.Location, region)
		s.check("class", metadata.StorageClass, obs.StorageClassStandard)
		s.check("version", metadata.Version, "3.0")
		refuse(s.client.CreateBucket(&obs.CreateBucketInput{
			Bucket: s.newName(), BucketLocation: obs.BucketLocation{Location: "region-9"},
		}))(t, 400, "InvalidLocationConstraint")
	})
}

func TestNamesThatAreNone(t *testing.T) {
	each(t, nil, func(t *testing.T, s *session) {
		for _, name := range []string{"ab", "Upper", "under_score", "a..b", "-dash", "192.168.1.1"} {
			refuse(s.client.CreateBucket(&obs.CreateBucketInput{Bucket: name}))(t, 400, "InvalidBucketName")
		}
	})
}

func TestABucketWithContentStays(t *testing.T) {
	each(t, nil, func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "a", "")
		refuse(s.client.DeleteBucket(bucket))(t, 409, "BucketNotEmpty")
	})
}

func TestQuotaAndUsage(t *testing.T) {
	each(t, ops("PutBucketQuota", "GetBucketQuota", "GetBucketStorageInfo"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		quota := func() int64 { return accept(s.client.GetBucketQuota(bucket))(t).Quota }
		set := func(value int64) (*obs.BaseModel, error) {
			return s.client.SetBucketQuota(&obs.SetBucketQuotaInput{Bucket: bucket, BucketQuota: obs.BucketQuota{Quota: value}})
		}
		s.check("quota", quota(), 0)
		s.checkUsage(bucket, 0, 0)
		accept(set(1000))(t)
		s.check("quota", quota(), 1000)
		s.put(bucket, "a", strings.Repeat("x", 400))
		refuse(s.tryPut(s.client, bucket, "b", strings.Repeat("x", 601)))(t, 403, "InsufficientStorageSpace")
		s.put(bucket, "b", strings.Repeat("x", 600)) // an exact fit is a fit
		s.checkUsage(bucket, 1000, 2)
		refuse(set(-1))(t, 400, "MalformedQuotaError")
		s.check("quota", quota(), 1000)
		accept(set(0))(t)
		s.put(bucket, "c", "x")
		s.checkUsage(bucket, 1001, 3)
	})
}

func TestStrangersAreDeniedEverything(t *testing.T) {
	each(t, nil, func(t *testing.T, s *session) {
		bucket := s.bucket()
		s.put(bucket, "a", "mine")
		_, stranger := s.account()
		for _, other := range []*obs.ObsClient{stranger, s.nobody()} {
			refuse(other.GetBucketQuota(bucket))(t, 403, "AccessDenied")
			refuse(other.GetBucketLocation(bucket))(t, 403, "AccessDenied")
			refuse(other.ListObjects(&obs.ListObjectsInput{Bucket: bucket}))(t, 403, "AccessDenied")
			refuse(s.tryGet(other, bucket, "a"))(t, 403, "AccessDenied")
			refuse(s.tryGet(other, bucket, "missing"))(t, 403, "AccessDenied")
			refuse(s.tryPut(other, bucket, "b", "theirs"))(t, 403, "AccessDenied")
			refuse(other.DeleteObject(&obs.DeleteObjectInput{Bucket: bucket, Key: "a"}))(t, 403, "AccessDenied")
			refuse(other.DeleteBucket(bucket))(t, 403, "AccessDenied")
			refuse(other.HeadBucket(bucket))(t, 403, "AccessDenied")
		}
		refuse(stranger.CreateBucket(&obs.CreateBucketInput{Bucket: bucket}))(t, 409, "BucketAlreadyExists")
		s.checkContent(bucket, "a", "mine")
		s.checkUsage(bucket, 4, 1)
	})
}

func TestWrongKeys(t *testing.T) {
	each(t, nil, func(t *testing.T, s *session) {
		bucket := s.bucket()
		impostor, _ := s.connect(key{AccessKey: rootAccessKey, SecretKey: "not-the-secret-of-this-access-key-000001"})
		refuse(impostor.GetBucketQuota(bucket))(t, 403, "SignatureDoesNotMatch")
		refuse(s.tryPut(impostor, bucket, "a", "x"))(t, 403, "SignatureDoesNotMatch")
		unknown, _ := s.connect(key{AccessKey: "NOBODYSACCESSKEY0001", SecretKey: "whatever"})
		refuse(unknown.GetBucketQuota(bucket))(t, 403, "InvalidAccessKeyId")
		s.checkUsage(bucket, 0, 0)
	})
}

// fetch sends a request as a browser would, without the SDK.
func (s *session) fetch(method, url string, body io.Reader, headers http.Header) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range headers {
		if !strings.EqualFold(name, "host") {
			request.Header[name] = values
		}
	}
	response, err := plainClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response, string(text)
}

// url is the address of a bucket or, with a key, of an object.
func (s *session) url(bucket, key string) string {
	if s.mode == "obs" {
		return fmt.Sprintf("http://%s.obs.localhost:%d/%s", bucket, theGateway.port, key)
	}
	return fmt.Sprintf("%s/%s/%s", s.endpoint(), bucket, key)
}
