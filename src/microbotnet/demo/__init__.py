"""The page of `microbotnet demo`: a picture or the webcam in; classes, activation map, activity and cost out."""
