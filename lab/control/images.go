package control

import (
	"cmp"
	"slices"
	"strings"

	"trunkline/lab"
	"trunkline/lab/format"
	"trunkline/lab/hostapi"
)

// hasImage reports whether the host lists the image, by name or by id.
func hasImage(info hostapi.HostInfo, name string) bool {
	want := format.ImageName(name)
	return slices.ContainsFunc(info.Images, func(i hostapi.Image) bool {
		return format.ImageName(i.Name) == want || (i.ID != "" && i.ID == name)
	})
}

// wantedImage is one image and the nodes that want it.
type wantedImage struct {
	Name  string
	Nodes []string
}

// imagesOf lists the images that the lab needs, each with its nodes in file order.
func imagesOf(l *lab.Lab, imageMap map[string]string) []wantedImage {
	var all []wantedImage
	at := map[string]int{}
	for _, n := range l.Nodes {
		if !n.Kind.IsContainer() {
			continue
		}
		name := imageOf(n, imageMap)
		i, seen := at[name]
		if !seen {
			i = len(all)
			at[name] = i
			all = append(all, wantedImage{Name: name})
		}
		all[i].Nodes = append(all[i].Nodes, n.Name)
	}
	return all
}

// imagesOn is the images of all hosts together, each name once, in order.
func imagesOn(infos []hostapi.HostInfo) []hostapi.Image {
	byName := map[string]hostapi.Image{}
	for _, info := range infos {
		for _, image := range info.Images {
			byName[image.Name] = image
		}
	}
	all := make([]hostapi.Image, 0, len(byName))
	for _, image := range byName {
		all = append(all, image)
	}
	slices.SortFunc(all, func(a, b hostapi.Image) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// imageWords names what there is, for a person who asked for something else: the nearest first.
func imageWords(wanted string, there []hostapi.Image) string {
	if len(there) == 0 {
		return "There are no images on the connected hosts yet: build them with `make images`."
	}
	names := make([]string, len(there))
	for i, image := range there {
		names[i] = strings.TrimSuffix(image.Name, ":latest")
	}
	near := lab.DidYouMean(strings.TrimSuffix(format.ImageName(wanted), ":latest"), names)
	shown := names[:min(len(names), 8)]
	return strings.TrimSpace(near + " There are: " + strings.Join(shown, ", ") + more(len(names)-len(shown)) + ".")
}
