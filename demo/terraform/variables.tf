variable "region" {
  description = "Where it all is"
  type        = string
  default     = "eu-central-1"
}

variable "name" {
  description = "Of the cluster, and the beginning of every other name"
  type        = string
  default     = "heald-demo"
}

variable "image" {
  description = "heald's image, in a registry that the nodes reach: docker build --target agent"
  type = object({
    repository = string
    tag        = string
  })
}

variable "api_access" {
  description = "Who may reach the cluster's API, as CIDR blocks: yourself"
  type        = list(string)
}

variable "pipeline" {
  description = "A pipeline file in place of the chart's, which has all packs in shadow mode"
  type        = string
  default     = ""
}

variable "rights" {
  description = "What the pipeline needs to be allowed: heald rbac --format helm FILE"
  type        = string
  default     = ""
}
