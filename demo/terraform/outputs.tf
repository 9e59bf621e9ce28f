output "kubeconfig" {
  description = "Makes kubectl talk to the cluster"
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${module.eks.cluster_name}"
}

output "dashboard" {
  description = "Then http://127.0.0.1:8080, with the token of the Secret heald"
  value       = "kubectl -n heald port-forward deploy/heald 8080"
}
