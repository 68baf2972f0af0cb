// Buckets, their listings and versions, and many deletions at once.

package sdk

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestBucketsComeAndGo(t *testing.T) {
	b := bucket(t)
	exists := s3.NewBucketExistsWaiter(client)
	if err := exists.Wait(background, &s3.HeadBucketInput{Bucket: b}, time.Minute); err != nil {
		t.Fatal(err)
	}
	location := must(client.GetBucketLocation(background, &s3.GetBucketLocationInput{Bucket: b}))(t)
	equal(t, string(location.LocationConstraint), "region-1") // whatever region the client was told
	put(t, b, "k", "x")
	_, err := client.DeleteBucket(background, &s3.DeleteBucketInput{Bucket: b})
	refused(t, err, 409, "BucketNotEmpty")
	must(client.DeleteObject(background, &s3.DeleteObjectInput{Bucket: b, Key: aws.String("k")}))(t)
	must(client.DeleteBucket(background, &s3.DeleteBucketInput{Bucket: b}))(t)
	_, err = client.HeadBucket(background, &s3.HeadBucketInput{Bucket: b})
	var missing *types.NotFound
	equal(t, errors.As(err, &missing), true)
}

func TestBucketsByPages(t *testing.T) {
	made := []string{*bucket(t), *bucket(t), *bucket(t)}
	var seen []string
	pages := s3.NewListBucketsPaginator(client, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1)})
	for pages.HasMorePages() {
		page := must(pages.NextPage(background))(t)
		for _, bucket := range page.Buckets {
			seen = append(seen, *bucket.Name)
			equal(t, bucket.CreationDate.IsZero(), false)
		}
	}
	for _, name := range made {
		if !slices.Contains(seen, name) {
			t.Fatalf("%s is not in %v", name, seen)
		}
	}
}

func TestObjectsByPages(t *testing.T) {
	b := bucket(t)
	keys := []string{"a&b", "a b", "a+b", "dir/1", "dir/2", "ü%20", "z"}
	for _, key := range keys {
		put(t, b, key, key)
	}
	slices.Sort(keys)
	var seen []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: b, MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		for _, object := range must(pages.NextPage(background))(t).Contents {
			seen = append(seen, *object.Key)
		}
	}
	equal(t, slices.Equal(seen, keys), true)
	folders := must(client.ListObjectsV2(background, &s3.ListObjectsV2Input{
		Bucket: b, Delimiter: aws.String("/"), Prefix: aws.String("d"),
	}))(t)
	equal(t, len(folders.Contents), 0)
	equal(t, *folders.CommonPrefixes[0].Prefix, "dir/")
}

func TestVersions(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	must(client.PutBucketVersioning(background, &s3.PutBucketVersioningInput{
		Bucket:                  b,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}))(t)
	first, second := put(t, b, "k", "first"), put(t, b, "k", "second")
	deleted := must(client.DeleteObject(background, &s3.DeleteObjectInput{Bucket: b, Key: key}))(t)
	equal(t, *deleted.DeleteMarker, true)
	equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: key, VersionId: first.VersionId})), "first")
	listed := must(client.ListObjectVersions(background, &s3.ListObjectVersionsInput{Bucket: b}))(t)
	equal(t, len(listed.Versions), 2)
	equal(t, *listed.Versions[0].VersionId, *second.VersionId)
	equal(t, *listed.DeleteMarkers[0].VersionId, *deleted.VersionId)
	must(client.DeleteObject(background, &s3.DeleteObjectInput{Bucket: b, Key: key, VersionId: deleted.VersionId}))(t)
	equal(t, string(get(t, &s3.GetObjectInput{Bucket: b, Key: key})), "second")
}

func TestManyAreDeletedAtOnce(t *testing.T) {
	b := bucket(t)
	var objects []types.ObjectIdentifier
	for _, key := range []string{"a", "b\r", "<c>", "d e"} {
		put(t, b, key, "x")
		objects = append(objects, types.ObjectIdentifier{Key: aws.String(key)})
	}
	input := &s3.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: objects}}
	done := must(client.DeleteObjects(background, input))(t)
	equal(t, len(done.Deleted), len(objects))
	equal(t, len(done.Errors), 0)
	must(client.DeleteBucket(background, &s3.DeleteBucketInput{Bucket: b}))(t)
}
