package sdk

import (
	"sort"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-obs/obs"
)

func TestTheClassOfABucket(t *testing.T) {
	each(t, ops("CreateBucket", "HeadBucket", "obs:PutBucketStorageClass", "obs:GetBucketStorageClass",
		"v2:PutBucketStoragePolicy", "v2:GetBucketStoragePolicy"), func(t *testing.T, s *session) {
		bucket := s.bucket(func(input *obs.CreateBucketInput) { input.StorageClass = obs.StorageClassWarm })
		class := func() obs.StorageClassType {
			return obs.ParseStringToStorageClassType(accept(s.client.GetBucketStoragePolicy(bucket))(t).StorageClass)
		}
		s.check("class", class(), obs.StorageClassWarm)
		s.put(bucket, "warm", "a")
		s.check("class of an object", s.head(bucket, "warm").StorageClass, obs.StorageClassWarm)
		for _, value := range []obs.StorageClassType{obs.StorageClassCold, obs.StorageClassStandard} {
			accept(s.client.SetBucketStoragePolicy(&obs.SetBucketStoragePolicyInput{
				Bucket: bucket, BucketStoragePolicy: obs.BucketStoragePolicy{StorageClass: value},
			}))(t)
			s.check("class", class(), value)
			head := accept(s.client.GetBucketMetadata(&obs.GetBucketMetadataInput{Bucket: bucket}))(t)
			s.check("class", head.StorageClass, value)
		}
		s.put(bucket, "standard", "a")
		s.check("class of an object", s.head(bucket, "standard").StorageClass, "")
		s.check("class of an older object", s.head(bucket, "warm").StorageClass, obs.StorageClassWarm)
	})
}

func TestTaggingOfABucket(t *testing.T) {
	each(t, ops("PutBucketTagging", "GetBucketTagging", "DeleteBucketTagging"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		refuse(s.client.GetBucketTagging(bucket))(t, 404, "NoSuchTagSet")
		for _, withSha256 := range []bool{false, true} {
			accept(s.client.SetBucketTagging(&obs.SetBucketTaggingInput{
				Bucket:        bucket,
				BucketTagging: obs.BucketTagging{Tags: []obs.Tag{{Key: "colour", Value: "blau & grün"}, {Key: "empty"}}},
				EnableSha256:  withSha256,
			}))(t)
			tags := accept(s.client.GetBucketTagging(bucket))(t).Tags
			s.check("number of tags", len(tags), 2)
			s.check("first tag", tags[0].Key+"="+tags[0].Value, "colour=blau & grün")
			s.check("second tag", tags[1].Key+"="+tags[1].Value, "empty=")
			s.check("status", accept(s.client.DeleteBucketTagging(bucket))(t).StatusCode, 204)
			refuse(s.client.GetBucketTagging(bucket))(t, 404, "NoSuchTagSet")
		}
	})
}

func TestCors(t *testing.T) {
	each(t, ops("PutBucketCors", "GetBucketCors", "DeleteBucketCors", "HeadBucket", "HeadObject", "GetObject"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		refuse(s.client.GetBucketCors(bucket))(t, 404, "NoSuchCORSConfiguration")
		for _, withSha256 := range []bool{true, false} {
			accept(s.client.SetBucketCors(&obs.SetBucketCorsInput{
				Bucket: bucket,
				BucketCors: obs.BucketCors{CorsRules: []obs.CorsRule{{
					ID:            "one",
					AllowedOrigin: []string{"http://*.example.com"},
					AllowedMethod: []string{"GET", "HEAD", "PUT"},
					AllowedHeader: []string{"x-obs-*", "content-type"},
					ExposeHeader:  []string{"ETag"},
					MaxAgeSeconds: 77,
				}, {AllowedOrigin: []string{"http://other.example"}, AllowedMethod: []string{"DELETE"}, MaxAgeSeconds: 1}}},
				EnableSha256: withSha256,
			}))(t)
		}
		rules := accept(s.client.GetBucketCors(bucket))(t).CorsRules
		s.check("number of rules", len(rules), 2)
		s.check("id", rules[0].ID, "one")
		s.check("origins", rules[0].AllowedOrigin, []string{"http://*.example.com"})
		s.check("methods", rules[0].AllowedMethod, []string{"GET", "HEAD", "PUT"})
		s.check("headers", rules[0].AllowedHeader, []string{"x-obs-*", "content-type"})
		s.check("exposed", rules[0].ExposeHeader, []string{"ETag"})
		s.check("age", rules[0].MaxAgeSeconds, 77)
		s.check("methods", rules[1].AllowedMethod, []string{"DELETE"})

		const origin = "http://www.example.com"
		head := accept(s.client.GetBucketMetadata(&obs.GetBucketMetadataInput{
			Bucket: bucket, Origin: origin, RequestHeader: "content-type",
		}))(t)
		s.check("origin", head.AllowOrigin, origin)
		s.check("methods", strings.Contains(head.AllowMethod, "PUT"), true)
		s.check("headers", strings.Contains(head.AllowHeader, "content-type"), true)
		s.check("exposed", head.ExposeHeader, "ETag")
		s.check("age", head.MaxAgeSeconds, 77)
		s.check("origin of none", accept(s.client.GetBucketMetadata(&obs.GetBucketMetadataInput{Bucket: bucket}))(t).AllowOrigin, "")
		s.put(bucket, "a", "a")
		object := accept(s.client.GetObjectMetadata(&obs.GetObjectMetadataInput{Bucket: bucket, Key: "a", Origin: origin}))(t)
		s.check("origin", object.AllowOrigin, origin)
		read, _ := s.get(bucket, "a", func(input *obs.GetObjectInput) { input.Origin = origin })
		s.check("origin", read.AllowOrigin, origin)
		s.check("exposed", read.ExposeHeader, "ETag")

		for _, key := range []string{"", "a"} {
			answer, _ := s.fetch("OPTIONS", s.url(bucket, key), nil, map[string][]string{
				"Origin": {origin}, "Access-Control-Request-Method": {"PUT"},
			})
			s.check("status", answer.StatusCode, 200)
			s.check("origin", answer.Header.Get("Access-Control-Allow-Origin"), origin)
			answer, _ = s.fetch("OPTIONS", s.url(bucket, key), nil, map[string][]string{
				"Origin": {origin}, "Access-Control-Request-Method": {"DELETE"},
			})
			s.check("status", answer.StatusCode, 403)
		}
		s.check("status", accept(s.client.DeleteBucketCors(bucket))(t).StatusCode, 204)
		refuse(s.client.GetBucketCors(bucket))(t, 404, "NoSuchCORSConfiguration")
	})
}

func TestRequestPayment(t *testing.T) {
	each(t, ops("PutBucketRequestPayment", "GetBucketRequestPayment"), func(t *testing.T, s *session) {
		bucket := s.bucket(func(input *obs.CreateBucketInput) { input.ACL = obs.AclPublicRead })
		_, stranger := s.account()
		payer := func() obs.PayerType { return accept(s.client.GetBucketRequestPayment(bucket))(t).Payer }
		set := func(payer obs.PayerType) {
			accept(s.client.SetBucketRequestPayment(&obs.SetBucketRequestPaymentInput{
				Bucket: bucket, BucketPayer: obs.BucketPayer{Payer: payer},
			}))(t)
		}
		list := func(client *obs.ObsClient, with ...any) (*obs.ListObjectsOutput, error) {
			if len(with) > 0 {
				return client.ListObjects(&obs.ListObjectsInput{Bucket: bucket}, obs.WithReqPaymentHeader(obs.Requester))
			}
			return client.ListObjects(&obs.ListObjectsInput{Bucket: bucket})
		}
		s.check("payer", payer(), obs.BucketOwnerPayer)
		accept(list(stranger))(t)
		set(obs.RequesterPayer)
		s.check("payer", payer(), obs.RequesterPayer)
		refuse(list(stranger))(t, 403, "RequestPayerDenied")
		accept(list(stranger, "and pays"))(t)
		accept(list(s.client))(t)
		set(obs.BucketOwnerPayer)
		accept(list(stranger))(t)
	})
}

func (s *session) grants(grants []obs.Grant) string {
	var lines []string
	for _, grant := range grants {
		// V2 spells the group as the whole address, of which the SDK knows the last word.
		group := string(grant.Grantee.URI)
		lines = append(lines, grant.Grantee.ID+group[strings.LastIndex(group, "/")+1:]+":"+string(grant.Permission))
	}
	sort.Strings(lines)
	return strings.Join(lines, " ")
}

// sorted is the words in their order, as `grants` gives them.
func sorted(words ...string) string {
	sort.Strings(words)
	return strings.Join(words, " ")
}

func TestTheListOfABucket(t *testing.T) {
	each(t, ops("PutBucketAcl", "GetBucketAcl"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		_, stranger := s.account()
		owner, other := s.accountID(s.client), s.accountID(stranger)
		acl := func() string { return s.grants(accept(s.client.GetBucketAcl(bucket))(t).Grants) }
		list := func(client *obs.ObsClient) (*obs.ListObjectsOutput, error) {
			return client.ListObjects(&obs.ListObjectsInput{Bucket: bucket})
		}
		s.check("owner", accept(s.client.GetBucketAcl(bucket))(t).Owner.ID, owner)
		s.check("list", acl(), owner+":FULL_CONTROL")
		refuse(list(stranger))(t, 403, "AccessDenied")

		accept(s.client.SetBucketAcl(&obs.SetBucketAclInput{Bucket: bucket, ACL: obs.AclPublicRead}))(t)
		s.check("list", acl(), sorted(owner+":FULL_CONTROL", "AllUsers:READ"))
		accept(list(stranger))(t)
		accept(list(s.nobody()))(t)

		input := &obs.SetBucketAclInput{Bucket: bucket}
		input.Owner.ID = owner
		input.Grants = []obs.Grant{
			{Grantee: obs.Grantee{Type: obs.GranteeUser, ID: owner}, Permission: obs.PermissionFullControl},
			{Grantee: obs.Grantee{Type: obs.GranteeUser, ID: other}, Permission: obs.PermissionWrite},
			{Grantee: obs.Grantee{Type: obs.GranteeGroup, URI: obs.GroupAllUsers}, Permission: obs.PermissionReadAcp},
		}
		accept(s.client.SetBucketAcl(input))(t)
		s.check("list", acl(), sorted(owner+":FULL_CONTROL", other+":WRITE", "AllUsers:READ_ACP"))
		refuse(list(stranger))(t, 403, "AccessDenied")
		accept(s.tryPut(stranger, bucket, "theirs", "x"))(t)
		accept(s.nobody().GetBucketAcl(bucket))(t)

		input.Owner.ID = other
		if _, err := s.client.SetBucketAcl(input); err == nil {
			t.Error("a list with another owner was taken")
		}
		accept(s.client.SetBucketAcl(&obs.SetBucketAclInput{Bucket: bucket, ACL: obs.AclPrivate}))(t)
		s.check("list", acl(), owner+":FULL_CONTROL")
	})
}

func TestListsAtBirth(t *testing.T) {
	each(t, ops("CreateBucket", "GetBucketAcl"), func(t *testing.T, s *session) {
		_, stranger := s.account()
		owner, other := s.accountID(s.client), s.accountID(stranger)
		canned := s.bucket(func(input *obs.CreateBucketInput) { input.ACL = obs.AclPublicReadWrite })
		s.check("list", s.grants(accept(s.client.GetBucketAcl(canned))(t).Grants),
			sorted(owner+":FULL_CONTROL", "AllUsers:READ", "AllUsers:WRITE"))
		granted := s.bucket(func(input *obs.CreateBucketInput) {
			input.GrantReadId, input.GrantWriteAcpId = "id="+other, "id="+other
		})
		s.check("list", s.grants(accept(s.client.GetBucketAcl(granted))(t).Grants),
			sorted(other+":READ", other+":WRITE_ACP"))
		accept(stranger.ListObjects(&obs.ListObjectsInput{Bucket: granted}))(t)
		refuse(s.tryPut(stranger, granted, "a", "x"))(t, 403, "AccessDenied")
	})
}

func TestDeliveredLists(t *testing.T) {
	each(t, ops("obs:PutBucketAcl", "obs:GetBucketAcl", "obs:CreateBucket"), func(t *testing.T, s *session) {
		if s.mode != "obs" {
			return // there is no such thing in the S3 dialect
		}
		bucket := s.bucket(func(input *obs.CreateBucketInput) { input.ACL = obs.AclPublicReadDelivery })
		s.put(bucket, "a", "delivered")
		var delivered []bool
		for _, grant := range accept(s.client.GetBucketAcl(bucket))(t).Grants {
			delivered = append(delivered, grant.Delivered)
		}
		s.check("delivered", delivered, []bool{false, true})
		accept(s.tryGet(s.nobody(), bucket, "a"))(t)
		accept(s.client.SetBucketAcl(&obs.SetBucketAclInput{Bucket: bucket, ACL: obs.AclPublicRead}))(t)
		refuse(s.tryGet(s.nobody(), bucket, "a"))(t, 403, "AccessDenied")
	})
}

// policy is a policy of one statement, in the vocabulary of the mode. An empty account is everybody.
func (s *session) policy(effect, account, action, bucket, keys string) string {
	principal := pick(s, `{"ID":["domain/`+account+`:user/*"]}`, `{"AWS":["arn:aws:iam::`+account+`:root"]}`)
	if account == "" {
		principal = pick(s, `{"ID":["*"]}`, `"*"`)
	}
	return `{"Statement":[{"Sid":"one","Effect":"` + effect + `","Principal":` + principal +
		`,"Action":["` + pick(s, "", "s3:") + action + `"],"Resource":["` + pick(s, "", "arn:aws:s3:::") + bucket + keys + `"]}]}`
}

func TestPublicAccessBlock(t *testing.T) {
	each(t, ops("PutBucketPublicAccessBlock", "GetBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock", "GetBucketPublicStatus"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		refuse(s.client.GetBucketPublicAccessBlock(bucket))(t, 404, "NoSuchPublicAccessBlockConfiguration")
		open := func() (*obs.BaseModel, error) {
			return s.client.SetBucketAcl(&obs.SetBucketAclInput{Bucket: bucket, ACL: obs.AclPublicRead})
		}
		accept(open())(t)
		s.check("is public", accept(s.client.GetBucketPublicStatus(bucket))(t).IsPublic, true)
		input := &obs.PutBucketPublicAccessBlockInput{Bucket: bucket}
		input.BlockPublicAcls, input.IgnorePublicAcls = true, true
		accept(s.client.PutBucketPublicAccessBlock(input))(t)
		block := accept(s.client.GetBucketPublicAccessBlock(bucket))(t)
		s.check("block", []bool{block.BlockPublicAcls, block.IgnorePublicAcls, block.BlockPublicPolicy, block.RestrictPublicBuckets},
			[]bool{true, true, false, false})
		refuse(open())(t, 403, "AccessDenied")
		s.check("is public", accept(s.client.GetBucketPublicStatus(bucket))(t).IsPublic, false)
		s.check("status", accept(s.client.DeleteBucketPublicAccessBlock(bucket))(t).StatusCode, 204)
		s.check("is public", accept(s.client.GetBucketPublicStatus(bucket))(t).IsPublic, true)
	})
}

func TestPolicy(t *testing.T) {
	each(t, ops("PutBucketPolicy", "GetBucketPolicy", "DeleteBucketPolicy", "GetBucketPolicyStatus"), func(t *testing.T, s *session) {
		bucket := s.bucket()
		_, stranger := s.account()
		s.put(bucket, "open/a", "a")
		s.put(bucket, "closed/a", "a")
		set := func(policy string) (*obs.BaseModel, error) {
			return s.client.SetBucketPolicy(&obs.SetBucketPolicyInput{Bucket: bucket, Policy: policy})
		}
		refuse(s.client.GetBucketPolicy(bucket))(t, 404, "NoSuchBucketPolicy")
		refuse(s.tryGet(stranger, bucket, "open/a"))(t, 403, "AccessDenied")

		policy := s.policy("Allow", s.accountID(stranger), "GetObject", bucket, "/open/*")
		s.check("status", accept(set(policy))(t).StatusCode, 204)
		s.check("policy", accept(s.client.GetBucketPolicy(bucket))(t).Policy, policy)
		s.check("is public", accept(s.client.GetBucketPolicyPublicStatus(bucket))(t).IsPublic, false)
		accept(s.tryGet(stranger, bucket, "open/a"))(t)
		refuse(s.tryGet(stranger, bucket, "closed/a"))(t, 403, "AccessDenied")
		refuse(s.tryPut(stranger, bucket, "open/b", "b"))(t, 403, "AccessDenied")
		refuse(s.tryGet(s.nobody(), bucket, "open/a"))(t, 403, "AccessDenied")

		accept(set(s.policy("Allow", "", "GetObject", bucket, "/*")))(t)
		s.check("is public", accept(s.client.GetBucketPolicyPublicStatus(bucket))(t).IsPublic, true)
		accept(s.tryGet(s.nobody(), bucket, "closed/a"))(t)
		accept(set(s.policy("Deny", "", "GetObject", bucket, "/*")))(t)
		refuse(s.tryGet(s.client, bucket, "open/a"))(t, 403, "AccessDenied") // the owner too
		refuse(set(`{"Statement":[{"Effect":"Perhaps"}]}`))(t, 400, "MalformedPolicy")

		s.check("status", accept(s.client.DeleteBucketPolicy(bucket))(t).StatusCode, 204)
		accept(s.client.DeleteBucketPolicy(bucket))(t)
		refuse(s.client.GetBucketPolicy(bucket))(t, 404, "NoSuchBucketPolicy")
		s.checkContent(bucket, "open/a", "a")
	})
}
