package control

import (
	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// checkImages refuses a lab whose image is on no connected host, with a complaint for each node that wants it.
func checkImages(l *lab.Lab, imageMap map[string]string, infos []hostapi.HostInfo, rules imageRules) error {
	if len(infos) == 0 {
		return nil // placement says that no host is connected
	}
	there := rules.allowed(imagesOn(infos)) // what a tenant may not use is not told
	var complaint *fault.Error
	for _, image := range imagesOf(l, imageMap) {
		found := false
		for _, info := range infos {
			found = found || hasImage(info, image.Name)
		}
		if found {
			continue
		}
		if complaint == nil {
			complaint = fault.New(fault.Invalid, "Image %s of node %s is on no compute host, and images are not pulled. %s Build or load it, or give an image map such as '%s=%s'.",
				image.Name, some(image.Nodes), imageWords(image.Name, there), image.Name, rules.example(there)).InField("topology.nodes." + image.Nodes[0] + ".image")
		}
		for _, node := range image.Nodes {
			complaint.Details = append(complaint.Details, fault.Place{
				Field: "topology.nodes." + node + ".image", Sentence: "Image " + image.Name + " of node " + node + " is on no compute host.",
			})
		}
	}
	if complaint == nil {
		return nil
	}
	return complaint
}
