// What buckets and objects have beside bytes.

package sdk

import (
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// anonymous is the status that someone without keys is answered for an object.
func anonymous(t *testing.T, bucket *string, key string) int {
	t.Helper()
	response := must(http.Get(os.Getenv("AWS_ENDPOINT_URL") + "/" + *bucket + "/" + key))(t)
	defer response.Body.Close()
	must(io.Copy(io.Discard, response.Body))(t)
	return response.StatusCode
}

func TestTagsOfABucket(t *testing.T) {
	b := bucket(t)
	_, err := client.GetBucketTagging(background, &s3.GetBucketTaggingInput{Bucket: b})
	refused(t, err, 404, "NoSuchTagSet")
	tags := &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}}
	must(client.PutBucketTagging(background, &s3.PutBucketTaggingInput{Bucket: b, Tagging: tags}))(t)
	found := must(client.GetBucketTagging(background, &s3.GetBucketTaggingInput{Bucket: b}))(t)
	equal(t, *found.TagSet[0].Value, "1")
	must(client.DeleteBucketTagging(background, &s3.DeleteBucketTaggingInput{Bucket: b}))(t)
}

func TestRulesForPagesOfOtherOrigins(t *testing.T) {
	b := bucket(t)
	rules := []types.CORSRule{{AllowedMethods: []string{"GET", "PUT"}, AllowedOrigins: []string{"http://a"}}}
	must(client.PutBucketCors(background, &s3.PutBucketCorsInput{
		Bucket: b, CORSConfiguration: &types.CORSConfiguration{CORSRules: rules},
	}))(t)
	found := must(client.GetBucketCors(background, &s3.GetBucketCorsInput{Bucket: b}))(t)
	equal(t, len(found.CORSRules[0].AllowedMethods), 2)
	must(client.DeleteBucketCors(background, &s3.DeleteBucketCorsInput{Bucket: b}))(t)
	_, err := client.GetBucketCors(background, &s3.GetBucketCorsInput{Bucket: b})
	refused(t, err, 404, "NoSuchCORSConfiguration")
}

func TestAPolicyLetsEverybodyRead(t *testing.T) {
	b := bucket(t)
	put(t, b, "k", "hello")
	equal(t, anonymous(t, b, "k"), 403)
	policy := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",` +
		`"Resource":"arn:aws:s3:::` + *b + `/*"}]}`)
	must(client.PutBucketPolicy(background, &s3.PutBucketPolicyInput{Bucket: b, Policy: policy}))(t)
	equal(t, *must(client.GetBucketPolicy(background, &s3.GetBucketPolicyInput{Bucket: b}))(t).Policy, *policy)
	status := must(client.GetBucketPolicyStatus(background, &s3.GetBucketPolicyStatusInput{Bucket: b}))(t)
	equal(t, *status.PolicyStatus.IsPublic, true)
	equal(t, anonymous(t, b, "k"), 200)
	must(client.DeleteBucketPolicy(background, &s3.DeleteBucketPolicyInput{Bucket: b}))(t)
	_, err := client.GetBucketPolicy(background, &s3.GetBucketPolicyInput{Bucket: b})
	refused(t, err, 404, "NoSuchBucketPolicy")
}

func TestAccessControlLists(t *testing.T) {
	b, key := bucket(t), aws.String("k")
	put(t, b, "k", "hello")
	own := must(client.GetBucketAcl(background, &s3.GetBucketAclInput{Bucket: b}))(t)
	equal(t, *own.Grants[0].Grantee.ID, *own.Owner.ID)
	must(client.PutBucketAcl(background, &s3.PutBucketAclInput{Bucket: b, ACL: types.BucketCannedACLPublicRead}))(t)
	equal(t, len(must(client.GetBucketAcl(background, &s3.GetBucketAclInput{Bucket: b}))(t).Grants), 2)
	everyone := &types.Grantee{Type: types.TypeGroup, URI: aws.String("http://acs.amazonaws.com/groups/global/AllUsers")}
	must(client.PutObjectAcl(background, &s3.PutObjectAclInput{
		Bucket: b, Key: key, AccessControlPolicy: &types.AccessControlPolicy{
			Owner: own.Owner, Grants: []types.Grant{{Grantee: everyone, Permission: types.PermissionRead}},
		},
	}))(t)
	found := must(client.GetObjectAcl(background, &s3.GetObjectAclInput{Bucket: b, Key: key}))(t)
	equal(t, *found.Grants[0].Grantee.URI, *everyone.URI)
	equal(t, anonymous(t, b, "k"), 200)
}

func TestWhatIsLockedStays(t *testing.T) {
	b, key := aws.String(*bucket(t)+"-locked"), aws.String("k")
	must(client.CreateBucket(background, &s3.CreateBucketInput{
		Bucket: b, ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(settings.Region),
		},
	}))(t)
	version := put(t, b, "k", "hello").VersionId
	until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	must(client.PutObjectRetention(background, &s3.PutObjectRetentionInput{
		Bucket: b, Key: key, Retention: &types.ObjectLockRetention{
			Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: &until,
		},
	}))(t)
	found := must(client.GetObjectRetention(background, &s3.GetObjectRetentionInput{Bucket: b, Key: key}))(t)
	equal(t, found.Retention.RetainUntilDate.Equal(until), true)
	input := &s3.DeleteObjectInput{Bucket: b, Key: key, VersionId: version}
	_, err := client.DeleteObject(background, input)
	refused(t, err, 403, "AccessDenied")
	input.BypassGovernanceRetention = aws.Bool(true)
	must(client.DeleteObject(background, input))(t)
}
