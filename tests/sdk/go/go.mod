// The OBS SDK for Go, driven against the gateway: see tests/sdk/run.
module obs-gateway/tests/sdk/go

go 1.19

require github.com/huaweicloud/huaweicloud-sdk-go-obs v3.25.4+incompatible

require (
	golang.org/x/net v0.33.0 // indirect
	golang.org/x/text v0.21.0 // indirect
)
